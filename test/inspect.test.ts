import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspect } from '../src/inspect/inspect.ts';
import { parse } from '../src/text/parse.ts';

const header = '<ir_version: 8, opset_import: ["" : 17]>';

test('counts operators, parameters, sites and costs of a network', async () => {
  const model = parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));
  const inspection = await inspect(model);
  const stem = 16 * 27;
  const stages = [
    [16, 16, 0],
    [16, 32, 1],
    [32, 64, 1],
  ] as const;
  const convolutions = stages.map(([from, to, down]) => 9 * from * to + 3 * 9 * to * to + down * from * to);
  const weights = stem + convolutions.reduce((a, b) => a + b, 0);
  const channels = 16 + 4 * 16 + 5 * 32 + 5 * 64;
  expect(inspection).toMatchObject({
    nodes: 52,
    operators: { BatchNormalization: 15, Conv: 15, Relu: 13, Add: 6, Flatten: 1, Gemm: 1, GlobalAveragePool: 1 },
    parameters: { elements: weights + 4 * channels + 640 + 10, overridable: { tensors: 0 }, external: { tensors: 0 } },
    sites: { relu: 13, frelu: { fused: 0, spelled: 0 }, batchNorm: 15 },
    interface: { inputs: [{ name: 'image', type: 'float[N,3,32,32]' }], outputs: [{ name: 'logits', type: 'float[N,10]' }] },
  });
  // H×W of the stages: 32², 16², 8².
  const macs = 1024 * stem + convolutions.reduce((sum, w, i) => sum + w * (1024 >> (2 * i)), 0);
  expect(inspection.costs).toMatchObject({
    known: true,
    macs: macs + 640,
    macsByOperator: { Conv: macs, Gemm: 640 },
    notes: ["'N' counts as 1"],
  });
});

test('sizes given by hand scale the costs', async () => {
  const text = `${header} g (float[N,2,H,W] x) => (y) <float[4,2,3,3] w = ["location": "rand:normal"]> { y = Conv (x, w) }`;
  const [one, two] = [
    await inspect(parse(text), { inputs: { x: [1, 2, 5, 6] } }),
    await inspect(parse(text), { symbols: { N: 3, H: [5], W: [6] } }),
  ];
  const each = 4 * 3 * 4;
  expect(one.costs).toMatchObject({ macs: each * 18, activations: { elements: each, bytes: 4 * each, largest: { name: 'y' } }, notes: [] });
  expect(two.costs).toMatchObject({ macs: 3 * each * 18, notes: [] });
});

test('multiply-accumulates of ConvTranspose, Gemm and MatMul', async () => {
  const model = parse(`${header} g (float[1,4,5,5] x, float[7,3] a, float[2,7,6] m) => (y, z, k)
    <float[4,2,3,3] w = ["location": "rand:normal"], float[7,9] b = ["location": "rand:normal"], float[6,8] n = ["location": "rand:normal"]> {
      y = ConvTranspose <group = 1> (x, w)
      z = Gemm <transA = 1> (a, b)
      k = MatMul (m, n)
    }`);
  const { costs } = await inspect(model);
  expect(costs).toMatchObject({ macsByOperator: { ConvTranspose: 4 * 25 * 2 * 9, Gemm: 3 * 9 * 7, MatMul: 2 * 7 * 8 * 6 } });
});

test('FReLU fused and spelled out; functions cost what their bodies cost', async () => {
  const window = 'dilations: ints = [1, 1], group: int = 2, kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]';
  const model = parse(`<ir_version: 8, opset_import: ["" : 17, "funnel" : 1]>
    g (float[1,2,4,4] x) => (float[1,2,4,4] y) <float[2,1,3,3] w = ["location": "rand:normal"], float[2] b = {0, 0}> {
      t = Conv <${window}> (x, w, b)
      s = Max (t, x)
      y = funnel.FReLU <${window}> (s, w, b)
    }
    <domain: "funnel", opset_import: ["" : 17]>
    FReLU <dilations, group, kernel_shape, pads> (X, W, B) => (Y) {
      T = Conv <dilations: ints = @dilations, group: int = @group, kernel_shape: ints = @kernel_shape, pads: ints = @pads> (X, W, B)
      Y = Max (T, X)
    }`);
  const inspection = await inspect(model);
  expect(inspection).toMatchObject({
    sites: { frelu: { fused: 1, spelled: 1 } },
    operators: { Conv: 2, Max: 2, 'funnel.FReLU': 1 },
    functions: [{ name: 'funnel.FReLU', nodes: 2, calls: 1 }],
    costs: { macs: 2 * 2 * 16 * 9 },
  });
});

test('a model that ONNX Runtime can not load has unknown costs, with the reason', async () => {
  const model = parse('<ir_version: 8, opset_import: ["" : 17, "acme" : 1]> g (float[2] x) => (float[2] y) { y = acme.Secret (x) }');
  const { costs, operators } = await inspect(model);
  expect(costs).toMatchObject({ known: false, reason: expect.stringMatching(/Secret|acme/) });
  expect(operators).toEqual({ 'acme.Secret': 1 });
});

test('overridable initializers are told apart', async () => {
  const model = parse(`${header} g (float[2] x, float[2] k = {2, 3}) => (float[2] y) { y = Mul (x, k) }`);
  expect(await inspect(model)).toMatchObject({
    interface: { inputs: [{ name: 'x' }], overridable: 1 },
    parameters: { overridable: { elements: 2, bytes: 8 } },
  });
});
