import { afterAll, describe, expect, test } from 'vitest';
import { passes } from '../passes/index.ts';
import { kinds } from '../src/functions/quantised.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const run = (model: Model, name: string, options = {}) => rewrite(model, [passes[name]!(options)], { check: true });
const operators = (model: Model) => [...model.graph.nodes()].map(n => n.op.name);

/** What ONNX Runtime's static quantiser writes, by the function that it is: zero point of the first grid, and nodes. */
const spellings: Readonly<Record<string, readonly [zero: number, nodes: string]>> = {
  FReLUQDQ: [120, 'c = C\n q = Q(c)\n t = D(q)\n y = Max (x, t)'],
  FReLUQDQResidual: [0, 'c = C\n q = Q(c)\n t = D(q)\n y = Add (x, t)'],
  FReLUQDQReluResidual: [120, 'c = C\n q = Q(c)\n t = D(q)\n r = Relu (t)\n y = Add (x, r)'],
  FReLUQDQReluQDQResidual: [128, 'c = C\n q = Q(c)\n t = D(q)\n r = Relu (t)\n q2 = Q2(r)\n t2 = D2(q2)\n y = Add (x, t2)'],
  FReLUQLinear: [120, 'q = I\n t = D(q)\n y = Max (x, t)'],
  FReLUQLinearDQResidual: [0, 'q = I\n t = D(q)\n y = Add (t, x)'],
  FReLUQLinearReluResidual: [120, 'q = I\n t = D(q)\n r = Relu (t)\n y = Add (x, r)'],
  FReLUQLinearResidual: [0, 'q = I\n s = S(q, ts, tz)\n y = DequantizeLinear (s, ys, yz)'],
  FReLUQLinearReluQResidual: [128, 'q = I\n t = D(q)\n r = Relu (t)\n q2 = Q2(r)\n s = S(q2, us, uz)\n y = DequantizeLinear (s, ys, yz)'],
};

const random = (type: string, shape: string, name: string, low: number, high: number) =>
  `${type}[${shape}] ${name} = ["location": "rand:uniform", "seed": "${name}", "low": "${low}", "high": "${high}"]`;

function spelled(zero: number, nodes: string, opset: number): Model {
  const body = nodes
    .replace(/\bC\b/, 'Conv <group = 4, pads = [1, 1, 1, 1]> (x, w, b)')
    .replace(/\bI\b/, 'QLinearConv <group = 4, pads = [1, 1, 1, 1]> (xq, xs, xz, wq, ws, wz, ts, tz, bq)')
    .replace(/\b([QD])(2?)\((\w+)\)/g, (_, kind: string, second: string, value: string) => {
      const grid = second ? 'us, uz' : 'ts, tz';
      return `${kind === 'Q' ? 'QuantizeLinear' : 'DequantizeLinear'} (${value}, ${grid})`;
    })
    .replace(/\bS\(/, 'com.microsoft.QLinearAdd (xq, xs, xz, ')
    .replace(/(QLinearAdd .*)\)/, '$1, ys, yz)');
  return parse(`<ir_version: 8, opset_import: ["" : ${opset}, "com.microsoft" : 1]>
    g (float[2,4,7,6] v) => (float[2,4,7,6] y)
    <${random('int8', '4,1,3,3', 'wq', -100, 100)}, ${random('float', '4', 'ws', 0.001, 0.01)}, int8[4] wz = {0, 0, 0, 0},
     ${random('int32', '4', 'bq', -900, 900)}, ${random('float', '4', 'bs', 0.0001, 0.001)}, int32[4] bz = {0, 0, 0, 0},
     float xs = {0.05}, uint8 xz = {128}, float ts = {0.06}, uint8 tz = {${zero}}, float us = {0.05}, uint8 uz = {0},
     float ys = {0.1}, uint8 yz = {100}>
    {
      xq = QuantizeLinear (v, xs, xz)
      x = DequantizeLinear (xq, xs, xz)
      w = DequantizeLinear <axis = 0> (wq, ws, wz)
      b = DequantizeLinear <axis = 0> (bq, bs, bz)
      ${body}
    }`);
}

describe.each(Object.entries(spellings))('%s', (name, [zero, nodes]) => {
  test.each([13, 17, 21])('operator set %i: fused and inlined, bit for bit; lowered to nothing else', async opset => {
    const { model: before } = await run(spelled(zero, nodes, opset), 'drop-unused');
    const { model: fused } = await run(before, 'fuse-frelu');
    expect(operators(fused)).toContain(name);
    const { model: inlined } = await run(fused, 'inline-functions');
    expect(operators(inlined).sort()).toEqual(operators(before).sort());
    expect(operators((await run(inlined, 'fuse-frelu')).model)).toEqual(operators(fused));
    for (const model of [fused, inlined])
      for (const { identical } of (await compare(before, model)).configurations) expect(identical).toBe(true);
    for (const target of ['ort-cpu', 'int8', 'ort-web']) {
      expect((await run(before, 'lower-frelu', { target })).model).toBe(before);
      expect(operators((await run(fused, 'lower-frelu', { target })).model).sort()).toEqual(operators(before).sort());
    }
    for (const model of [before, fused]) {
      const { report } = await run(model, 'lower-frelu', { lowering: 'identity-conv' });
      expect(report[0]!.refused.map(r => r.code)).toEqual(['E_QUANTISED']);
    }
  });
});

test('every kind is there', () => expect(Object.keys(spellings)).toEqual(kinds.map(k => k.name)));
