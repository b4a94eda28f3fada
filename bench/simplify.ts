import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Table from 'cli-table3';
import { chainModel, convModel } from './models.ts';
import { peers } from './peers.ts';
import { type Contestant, measure } from './process.ts';

/**
 * `npm run bench -- simplify [model or folder …]`: whole processes, `funnel simplify` and `funnel deploy` beside the tools that PEERS has,
 * interleaved; medians, and ratios to `funnel simplify`. Without a model: networks of its own, and those of a corpus beside the project.
 */
const root = join(import.meta.dirname, '..');
const funnel = join(root, 'dist/src/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const rounds = Number(process.env.ROUNDS ?? 5);
const out = join(folder, 'out.onnx');
const command = (...args: string[]): Contestant['command'] => [process.execPath, funnel, ...args];

const modelsIn = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.onnx'))
        .sort()
        .map(name => join(path, name))
    : [path];

function given(): string[] {
  const paths = process.argv.slice(3);
  if (paths.length > 0) return paths.flatMap(modelsIn);
  const own = join(folder, 'conv20.onnx');
  writeFileSync(own, convModel({ layers: 20, channels: 64 }));
  const corpus = ['exported', 'face', 'onnx-backend/light'].map(name => join(root, '../shared/corpus', name));
  return [own, ...corpus.filter(path => existsSync(path)).flatMap(modelsIn)];
}

const table = new Table({ head: ['model', 'tool', 'ms', '× simplify', 'MB', '× simplify'], style: { head: [], border: [] } });
for (const model of given()) {
  const results = measure(
    [
      { name: 'funnel simplify', command: command('simplify', model, '-o', out) },
      { name: 'funnel deploy', command: command('deploy', model, '-o', out) },
      ...peers(['onnxsim', 'onnxslim', 'onnxscript'], model, out),
    ],
    rounds,
    { failures: 'left out' },
  );
  const [base] = results;
  for (const r of results) {
    const ratio = (a: number | undefined, b: number | undefined) => (a === undefined || b === undefined ? '' : (a / b).toFixed(2));
    const first = r === base ? basename(model) : '';
    const memory = r.megabytes?.toFixed(0) ?? '';
    table.push([
      first,
      r.name,
      r.milliseconds.toFixed(0),
      ratio(r.milliseconds, base!.milliseconds),
      memory,
      ratio(r.megabytes, base!.megabytes),
    ]);
  }
}
console.log(`${table.toString()}\n`);

const sizes = [10_000, 100_000];
const chains = sizes.map(n => {
  const path = join(folder, `chain${n}.onnx`);
  writeFileSync(path, chainModel(n));
  return { name: `simplify ${n} nodes`, command: command('simplify', path, '-o', out) };
});
const folds = join(folder, 'folds2000.onnx');
writeFileSync(folds, convModel({ layers: 2000, channels: 8 }));
const passTime = (passes: string) => ({ name: passes, command: command('rewrite', folds, '-o', out, '--passes', passes) });
const scaling = measure(
  [{ name: 'node -e 0', command: [process.execPath, '-e', '0'] }, ...chains, passTime('drop-identity'), passTime('fold-batch-norm')],
  Math.ceil(rounds / 2),
);
for (const r of scaling) console.log(`${r.name.padEnd(24)} ${r.milliseconds.toFixed(0)} ms  ${r.megabytes?.toFixed(0) ?? '?'} MB`);
const [floor, ten, hundred, idle, fold] = scaling.map(r => r.milliseconds) as [number, number, number, number, number];
console.log(`10× the nodes: ${((hundred - floor) / (ten - floor)).toFixed(1)}× the time over node's own.`);
console.log(`2,000 folds of BatchNormalization: ${(fold - idle).toFixed(0)} ms more than a pass that does nothing.`);
