import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { chainModel, convModel } from './models.ts';
import { peers } from './peers.ts';
import { type Contestant, type Measured, measure } from './process.ts';

/**
 * Speed and memory of whole processes: interleaved runs, medians, ratios against a floor or a peer.
 *
 * `npm run bench -- [model.onnx]`. PEERS=/path/to/python with onnxruntime and onnxscript compares with them too.
 */
const root = join(import.meta.dirname, '..');
const funnel = join(root, 'dist/src/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-bench-'));
const rounds = Number(process.env.ROUNDS ?? 7);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const command = (...args: string[]): Contestant['command'] => [process.execPath, funnel, ...args];
const node: Contestant = { name: 'node -e 0', command: [process.execPath, '-e', '0'] };

function report(title: string, results: readonly Measured[], base: Measured): void {
  const table = new Table({ head: [title, 'ms', `× ${base.name}`, 'MB', 'MB over node'], style: { head: [], border: [] } });
  const floor = results.find(r => r.name === node.name)?.megabytes;
  for (const r of results) {
    const over = floor === undefined || r.megabytes === undefined ? '' : (r.megabytes - floor).toFixed(0);
    table.push([r.name, r.milliseconds.toFixed(0), (r.milliseconds / base.milliseconds).toFixed(2), r.megabytes?.toFixed(0) ?? '', over]);
  }
  console.log(`${table.toString()}\n`);
}

const start = measure(
  [node, { name: 'funnel --version', command: command('--version') }, { name: 'funnel --help', command: command('--help') }],
  rounds * 3,
);
report('start', start, start[0]!);

const small = join(folder, 'small.onnx');
const large = process.argv[2] ?? join(folder, 'large.onnx');
writeFileSync(small, convModel({ layers: 10, channels: 32 }));
if (!existsSync(large)) writeFileSync(large, convModel({ layers: 20, channels: 256 }));
const out = join(folder, 'out.onnx');
for (const [title, model] of [
  ['fold a small model', small],
  ['fold a large model', large],
] as const) {
  const results = measure(
    [node, { name: 'funnel fold', command: command('fold', model, '-o', out) }, ...peers(['onnxruntime BASIC', 'onnxscript'], model, out)],
    rounds,
  );
  report(`${title} (${(statSync(model).size / 2 ** 20).toFixed(1)} MB)`, results, results[1]!);
}

const nodes = [10_000, 100_000];
const chains = nodes.map(n => {
  const path = join(folder, `chain${n}.onnx`);
  writeFileSync(path, chainModel(n));
  return { name: `${n} nodes`, command: command('rewrite', path, '-o', out, '--passes', 'drop-identity,fold-batch-norm') };
});
const scaling = measure([node, ...chains], Math.ceil(rounds / 2));
report('drop-identity + fold-batch-norm', scaling, scaling[1]!);
const [floor, ten, hundred] = scaling.map(r => r.milliseconds) as [number, number, number];
console.log(
  `10× the nodes: ${(hundred / ten).toFixed(1)}× the whole time, ${((hundred - floor) / (ten - floor)).toFixed(1)}× the time over node's own.`,
);
