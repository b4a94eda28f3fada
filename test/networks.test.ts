import { afterAll, expect, test } from 'vitest';
import { type Network, networks } from '../fixtures/networks/networks.ts';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { costsOf } from '../src/inspect/costs.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

/** What training learns: weights and biases, the statistics of BatchNormalization not among them. */
const learned = ({ graph }: Model) =>
  [...graph.constants]
    .filter(({ name, dtype }) => dtype === 'float' && !name.includes('.running_'))
    .reduce((sum, { constant }) => sum + constant!.size, 0);

/** As counted from the implementations that people use; millions of multiply-accumulates for one image of 224×224. */
const known: Readonly<Record<Network, readonly [parameters: number, macs: number]>> = {
  'resnet-50': [25_557_032, 4089.2],
  'resnet-101': [44_549_160, 7801.4],
  mobilenet: [4_231_976, 568.7],
  'mobilenet-0.75': [2_585_560, 325.4],
  shufflenet: [1_865_728, 137.5],
  'shufflenet-v2-0.5': [1_366_792, 40.5],
  'shufflenet-v2-1.5': [3_503_624, 295.8],
  'squeezenet-1.0': [1_248_424, 818.9],
  'squeezenet-1.1': [1_235_496, 349.2],
  'densenet-121': [7_978_856, 2834.2],
  'inception-v2': [11_295_240, 2032.6],
  vgg19: [20_024_384, 19508.4],
};

test.each(Object.entries(known))('%s has the parameters and the MACs it is known for', async (name, [parameters, macs]) => {
  const model = parse(networks[name as Network]());
  expect(learned(model)).toBe(parameters);
  const costs = await costsOf(model, {});
  expect(costs.known && [Math.round(costs.macs / 1e5) / 10, costs.notes]).toEqual([macs, []]);
});

test('a ResNet-50 that halves the image in its 1×1 convolutions, as in the paper', async () => {
  expect(await costsOf(parse(networks['resnet-50']({ stride: '1×1' })), {})).toMatchObject({ known: true, macs: 3_857_973_248 });
});

test.each(['mobilenet-0.75', 'shufflenet', 'shufflenet-v2-0.5'] as const)('%s runs on two small images, folded too', async name => {
  const model = parse(networks[name]({ batch: 'N', size: 64 }));
  const deployed = await rewrite(
    model,
    pipelines.fold!.map(pass => passes[pass]!()),
  );
  expect(deployed.model.graph).not.toBe(model.graph);
  const { same, reasons } = await compare(model, deployed.model, { shapes: { symbols: { N: [2] } } });
  expect({ same, reasons }).toEqual({ same: true, reasons: [] });
});

test('every funnel before a shuffle of ShuffleNet moves behind it, and the network computes the same', async () => {
  const run = (model: Model, pipeline: string, options: PassOptions) =>
    rewrite(
      model,
      pipelines[pipeline]!.map(pass => passes[pass]!(options)),
      { check: true },
    );
  const { model: deployed } = await run(parse(networks.shufflenet({ size: 64 })), 'deploy', {});
  const { model: converted } = await run(deployed, 'convert', { init: 'gaussian' });
  const { model: lowered, report } = await run(converted, 'lower', { target: 'ort-cpu' });
  expect(report.map(({ pass, fired }) => [pass, fired.length])).toEqual(
    expect.arrayContaining([
      ['frelu-after-shuffle', 16],
      ['lower-frelu', 33],
    ]),
  );
  expect((await compare(converted, lowered)).reasons).toEqual([]);
});
