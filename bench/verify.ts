import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { networks } from '../fixtures/networks/networks.ts';
import { pipeline } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { median, peaks } from './process.ts';

/**
 * What verifying ResNet-50 against its folded form takes, with five inputs on the CPU: over the bare time that ONNX Runtime takes for the same runs
 * (each model, without optimisation and with all), and the memory that the command and the runtime's processes
 * take (Linux), held against what a comparison layer by layer may.
 *
 * `npm run bench -- verify`. ROUNDS=5, SIZE=224.
 */
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const rounds = Number(process.env.ROUNDS ?? 5);
const size = Number(process.env.SIZE ?? 224);
const kinds = ['normal', 'uniform', 'large', 'tiny', 'flips'];

const before = parse(networks['resnet-50']({ size }));
const { model: after } = await rewrite(before, pipeline('fold'), { fixpoint: true });
await closeFactRuntime();
const [a, b] = ['a', 'b'].map(name => join(folder, `${name}.onnx`)) as [string, string];
writeFileSync(a, encode(before, { inline: true }));
writeFileSync(b, encode(after, { inline: true }));

const run = (args: readonly string[]) => {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1e9 });
  if (status !== 0) throw new Error(`${args.join(' ')} failed (${status}): ${stderr.slice(-400)}`);
  return { milliseconds: performance.now() - start, stdout };
};
const funnel = (...options: string[]) => run([join(root, 'dist/src/cli/main.js'), 'verify', a, b, '--json', ...options]);

/** Milliseconds inside `session.run` alone. */
const bare = `
  const { InferenceSession, Tensor, env } = await import('onnxruntime-node');
  env.logLevel = 'fatal';
  const image = new Tensor('float32', Float32Array.from({ length: ${3 * size * size} }, Math.random), [1, 3, ${size}, ${size}]);
  let sum = 0;
  for (const model of ${JSON.stringify([a, b])}) for (const graphOptimizationLevel of ['disabled', 'all']) {
    const session = await InferenceSession.create(model, { graphOptimizationLevel, intraOpNumThreads: 1 });
    for (let i = 0; i < ${kinds.length}; i++) { const start = performance.now(); await session.run({ image }); sum += performance.now() - start; }
    await session.release();
  }
  console.log(sum);`;

const times: { bare: number; verify: number }[] = [];
for (let round = 0; round < rounds; round++) {
  times.push({
    bare: Number(run(['--input-type=module', '-e', bare]).stdout),
    verify: funnel('--inputs', kinds.join(',')).milliseconds,
  });
}
const of = (key: 'bare' | 'verify') => median(times.map(t => t[key]));
const ratio = median(times.map(t => (t.verify - 1500) / t.bare));
console.log(
  `verify, ${kinds.length} inputs, cpu disabled and all: ${of('verify').toFixed(0)} ms; the runs alone ${of('bare').toFixed(0)} ms`,
);
console.log(`(verify − 1500 ms) / runs: ${ratio.toFixed(2)}`);

const layered = ['--inputs', 'normal', '--optimization', 'disabled'];
const { layers } = JSON.parse(funnel(...layered, '--layers').stdout) as Verdict;
const largest = 4 * Math.max(...layers!.layers.map(l => l.elements));
const models = statSync(a).size + statSync(b).size;
const bound = 2 * (models + largest);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
console.log(
  `memory: both models ${megabytes(models)}, largest layer ${megabytes(largest)}; twice the two is ${megabytes(bound)}, the bound`,
);
for (const extra of [[], ['--layers'], ['--self-check']]) {
  const { own, children, together } = await peaks([join(root, 'dist/src/cli/main.js'), 'verify', a, b, ...layered, ...extra]);
  const parts = `command ${megabytes(own)}, largest child ${megabytes(children)}, all at once ${megabytes(together)}`;
  console.log(`${extra[0] ?? 'plain'}: ${parts} (${(together / bound).toFixed(2)} × bound)`);
}
