import Table from 'cli-table3';
import { type Network, networks } from '../fixtures/networks/networks.ts';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { pass } from '../src/rewrite/pass.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { any, constant, p, rule } from '../src/rewrite/rules.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { type Contender, race, type Timing } from './session.ts';

/**
 * What FReLU costs on ONNX Runtime's CPU provider: folded networks with all of their Relu converted, over the same networks with Relu.
 *
 * `npm run bench -- frelu [network…]`. ROUNDS=30, THREADS=1,2, KERNEL=3, SIZE=224.
 *
 * | column | each Relu is now |
 * |---|---|
 * | floor | a depthwise convolution with a Relu fused into it: no FReLU, but what any FReLU must compute |
 * | max, residual, identity-conv | a FReLU in that form |
 * | ort-cpu | what the pipeline `lower` makes of it there |
 */
const standard: readonly Network[] = ['resnet-50', 'mobilenet', 'squeezenet-1.0', 'shufflenet', 'densenet-121', 'inception-v2', 'vgg19'];
const forms = ['max', 'residual', 'identity-conv'] as const;
const { ROUNDS = '30', THREADS = '1,2', KERNEL = '3', SIZE = '224' } = process.env;
const [rounds, kernel, size] = [Number(ROUNDS), Number(KERNEL), Number(SIZE)];

const run = async (model: Model, names: readonly string[], options: PassOptions = {}): Promise<Model> =>
  (await rewrite(model, [...names.map(name => passes[name]!(options))])).model;

/** Takes the comparison out of a FReLU. */
const floor = pass(
  'floor',
  'changes',
  rule({
    match: p.Max(p.Conv(any('x'), constant('w'), constant('b')).as('conv'), any()),
    rewrite: ({ x, w, b, conv }, op) => op.Relu(op.Conv(x, w, b, conv.attrs)),
  }),
);

async function contenders(network: Network): Promise<Contender[]> {
  const relu = await run(parse(networks[network]({ size })), pipelines.deploy!);
  const frelu = await run(relu, pipelines.convert!, { init: 'gaussian', kernel });
  const models: Record<string, Model> = { relu, floor: (await rewrite(frelu, [floor])).model };
  for (const lowering of forms) models[lowering] = await run(frelu, ['lower-frelu'], { lowering });
  models['ort-cpu'] = await run(frelu, pipelines.lower!, { target: 'ort-cpu' });
  return Object.entries(models).map(([name, model]) => ({ name, bytes: encode(model, { inline: true }) }));
}

function progress(network: string): (round: number) => void {
  if (!process.stderr.isTTY) return () => {};
  return round => process.stderr.write(`\r\x1b[K${round < rounds ? `${network}: round ${Math.max(0, round)} of ${rounds}` : ''}`);
}

const given = process.argv.slice(3);
const stranger = given.find(name => !Object.hasOwn(networks, name));
if (stranger !== undefined) throw new Error(`there is no network ${stranger}; there are ${Object.keys(networks).join(', ')}`);
const rows = new Map<number, [string, readonly Timing[]][]>();
for (const network of given.length > 0 ? (given as Network[]) : standard) {
  const models = await contenders(network);
  for (const threads of THREADS.split(',').map(Number)) {
    rows.set(threads, [...(rows.get(threads) ?? []), [network, await race(models, size, threads, rounds, progress(network))]]);
  }
}
for (const [threads, results] of rows) {
  const names = results[0]![1].slice(1).map(t => t.name);
  const head = [`${threads} thread${threads > 1 ? 's' : ''}`, 'relu, ms', ...names.map(name => `${name} ×`)];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const [network, [relu, ...others]] of results)
    table.push([network, relu!.milliseconds.toFixed(1), ...others.map(t => t.ratio.toFixed(3))]);
  console.log(table.toString());
}
await closeFactRuntime();
