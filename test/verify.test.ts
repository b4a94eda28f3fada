import { afterAll, describe, expect, test } from 'vitest';
import { verdictText } from '../src/report/verdict-text.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { exitCodeOf, type Verdict } from '../src/verify/verdict.ts';
import { runtime } from './support/runtime.ts';
import { check, codes, identity, quick, relu } from './support/verify.ts';

afterAll(() => runtime.close());

const scaled = (factor: string) => `g (float[N, 3] x) => (float[N, 3] y) <float[3] w = {${factor}, 2.0, -0.5}> { y = Mul (x, w) }`;

describe('verdict', () => {
  test('a model is the same as itself, to the bit, and the report is always the same', async () => {
    const strip = ({ timings: _, ...rest }: Verdict) => rest;
    const [first, second] = [await check(relu, relu), await check(relu, relu)];
    expect(first).toMatchObject({ schema: 'onnx-funnel/verdict@1', status: 'same', same: true, reasons: [], warnings: [] });
    expect(first.configurations.map(c => [c.provider, c.optimization, c.identical])).toEqual([
      ['cpu', 'disabled', true],
      ['cpu', 'all', true],
    ]);
    expect(first.summary).toBe('same: 1 output, 8 inputs, 2 configurations, bit-identical');
    expect(exitCodeOf(first)).toBe(0);
    expect(JSON.stringify(strip(second))).toBe(JSON.stringify(strip(first)));
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
  });

  test('Relu that became Identity is found', async () => {
    const v = await check(relu, identity);
    expect(v).toMatchObject({ status: 'different', same: false });
    expect(codes(v)).toEqual(['output-values', 'output-values']);
    expect(exitCodeOf(v)).toBe(1);
  });

  test('uniform inputs alone would not find it: that is why there are others', async () => {
    expect((await check(relu, identity, { ...quick, kinds: ['uniform'] })).status).toBe('same');
  });

  test.each([
    [
      'output-missing',
      'g (float[2] x) => (float[2] y, float[2] z) { y = Relu (x) z = Neg (x) }',
      'g (float[2] x) => (float[2] y) { y = Relu (x) }',
    ],
    [
      'output-extra',
      'g (float[2] x) => (float[2] y) { y = Relu (x) }',
      'g (float[2] x) => (float[2] y, float[2] z) { y = Relu (x) z = Neg (x) }',
    ],
    ['output-type', 'g (float[2] x) => (float[2] y) { y = Relu (x) }', 'g (float[2] x) => (double[2] y) { y = Cast <to = 11> (x) }'],
    ['input-missing', 'g (float[2] x, float[2] z) => (float[2] y) { y = Add (x, z) }', 'g (float[2] x) => (float[2] y) { y = Relu (x) }'],
    ['input-type', 'g (float[2] x) => (float[2] y) { y = Relu (x) }', 'g (double[2] x) => (float[2] y) { y = Cast <to = 1> (x) }'],
    ['input-shape', relu, relu.replace('N', '1')],
    [
      'output-shape',
      'g (float[2] x) => (float[2] y) { y = Relu (x) }',
      'g (float[2] x) => (float[1, 2] y) <int64[1] s = {0}> { y = Unsqueeze (x, s) }',
    ],
  ])('%s is a difference', async (code, a, b) => {
    const v = await check(a, b, quick);
    expect(v.status).toBe('different');
    expect(codes(v)).toContain(code);
  });

  test('outputs that are empty whatever goes in tell nothing', async () => {
    const kept = (k: string) => `g (float[4] x) => (float[N] y, int64[1] n) <float k = {${k}}, float top = {1000000.0}> {
      s = Mul (x, k) m = Greater (s, top) y = Compress (s, m) n = Shape (y) }`;
    const v = await check(kept('2.0'), kept('3.0'), { kinds: ['normal', 'uniform', 'flips'], optimizations: ['disabled'] });
    expect(v).toMatchObject({
      status: 'inconclusive',
      reasons: [{ code: 'nothing-compared', message: expect.stringContaining('no output depends') }],
    });
  });

  test('a random output says nothing, and hides nothing', async () => {
    // Its place among the nodes is a part of what a random operator starts from.
    const noisy = (last: string, more = '') =>
      `g (float[64] x) => (float[64] y, float[64] z) { ${more} s = RandomNormalLike (x) y = ${last} (x) z = Add (x, s) }`;
    const alone = await check(noisy('Relu'), noisy('Relu', 'i = Neg (x)'), quick);
    expect(alone).toMatchObject({ status: 'inconclusive', reasons: [{ code: 'random-output', where: "output 'z'" }] });
    const torn = await check(noisy('Relu'), noisy('Identity', 'i = Neg (x)'), quick);
    expect(torn).toMatchObject({ status: 'different', reasons: [{ code: 'output-values', where: "cpu disabled, output 'y'" }] });
    expect(torn.warnings.map(w => w.code)).toContain('random-output');
    expect((await check(noisy('Relu'), noisy('Relu', 'i = Neg (x)'), { ...quick, exclude: ['z'] })).status).toBe('same');
  });

  test('a renamed output is missing and extra; what is left to compare is compared', async () => {
    const v = await check(
      'g (float[64] x) => (float[64] y, float[64] z) { y = Relu (x) z = Neg (x) }',
      'g (float[64] x) => (float[64] y, float[64] q) { y = Abs (x) q = Neg (x) }',
      quick,
    );
    expect(codes(v)).toEqual(['output-missing', 'output-extra', 'output-values']);
  });

  test('an excluded output does not count, and is named', async () => {
    const v = await check(
      'g (float[2] x) => (float[2] y, float[2] z) { y = Relu (x) z = Neg (x) }',
      'g (float[2] x) => (float[2] y) { y = Relu (x) }',
      { ...quick, exclude: ['z'] },
    );
    expect(v).toMatchObject({ status: 'same', excludedOutputs: ['z'] });
  });

  test('rounding is no difference, a weight that is off by 1e-4 is', async () => {
    expect((await check(scaled('1.0'), scaled('1.0000001'))).status).toBe('same');
    expect((await check(scaled('1.0'), scaled('1.0001'))).status).toBe('different');
  });

  test('what rounding does to A is measured more than once', async () => {
    const a = 'g (float[64] x) => (float[64] y) <float c = {300.0}> { t = Add (x, c) y = Sub (t, c) }';
    // Moved once, the inputs of these seeds happen to show less noise than the rewrite needs.
    for (const seed of [6, 7, 13, 15])
      expect((await check(a, 'g (float[64] x) => (float[64] y) { y = Identity (x) }', { ...quick, seed })).status).toBe('same');
  });

  test('one broken element in a large tensor is found', async () => {
    const big = (x: string) =>
      `g (float[N, 500] x) => (float[N, 500, 500] y) <float[1] e = {${x}}, int64[2] p = {0, 499}, float[500, 1] w = ["location": "fill:1"]> {
      h = Pad (e, p) o = Mul (w, h) u = Unsqueeze (x, a) y = Add (u, o) }`.replace('<', '<int64[1] a = {1}, ');
    const v = await check(big('0.0'), big('0.01'), quick).catch(e => e);
    expect(v.status).toBe('different');
  });

  test('integers are compared exactly', async () => {
    const argmax = (op: string) => `g (float[N, 5] x) => (int64[N] y) { y = ${op} <axis = 1, keepdims = 0> (x) }`;
    expect((await check(argmax('ArgMax'), argmax('ArgMax'))).status).toBe('same');
    const v = await check(argmax('ArgMax'), argmax('ArgMin'), quick);
    expect(v.configurations[0]!.results[0]).toMatchObject({ tolerance: { source: 'exact' }, comparison: { same: false } });
  });

  test('NaN is a difference unless asked, and never an agreement on its own', async () => {
    const nan = 'g (float[N, 3] x) => (float[N, 3] y) { s = Sqrt (m) y = Add (x, s) }'.replace('{', '<float m = {-1.0}> {');
    expect((await check(nan, nan, quick)).reasons[0]).toMatchObject({ code: 'output-values', message: expect.stringContaining('NaN') });
    const v = await check(nan, nan, { ...quick, equalNan: true });
    expect(v).toMatchObject({ status: 'inconclusive', same: false });
    expect(codes(v)).toEqual(['nothing-compared']);
    expect(exitCodeOf(v)).toBe(1);
  });

  test('an output that is random says nothing about B', async () => {
    const noisy = 'g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) { r = RandomUniformLike (x) y = Add (x, r) z = Relu (x) }';
    const reordered =
      'g (float[2, 3] x) => (float[2, 3] y, float[2, 3] z) { q = RandomUniformLike (x) r = RandomUniformLike (x) y = Add (x, r) z = Relu (x) }';
    const v = await check(noisy, reordered);
    expect([v.status, ...codes(v)]).toEqual(['inconclusive', 'random-output']);
    expect((await check(noisy, reordered, { exclude: ['y'] })).status).toBe('same');
    expect((await check(noisy, reordered.replace('Relu', 'Abs'))).status).toBe('different');
  });

  test('equal infinities are equal', async () => {
    const reciprocal = 'g (float[N, 3] x) => (float[N, 3] y) { y = Reciprocal (x) }';
    expect((await check(reciprocal, reciprocal, { kinds: ['zeros'] })).status).toBe('same');
  });

  test('no output in common, and no input tried, is not the same', async () => {
    expect((await check(relu, relu, { ...quick, exclude: ['y'] })).status).toBe('inconclusive');
    expect((await check(relu, relu, { kinds: [] })).status).toBe('inconclusive');
    expect((await check(relu, relu, { ...quick, optimizations: [] })).status).toBe('inconclusive');
  });

  test('outputs that do not depend on the inputs are told', async () => {
    const dead = 'g (float[N, 3] x) => (float[N, 3] y) <float z = {0.0}> { y = Mul (x, z) }';
    expect(
      (await check(dead.replace('Mul (x, z)', 'Sub (x, x)'), dead.replace('Mul (x, z)', 'Sub (x, x)'))).warnings.map(w => w.code),
    ).toEqual(['constant-output']);
  });

  test('tolerances can be given, for all or for one output', async () => {
    const given = { tolerance: { rtol: 0.1, source: 'given' } };
    const loose = await check(scaled('1.0'), scaled('1.01'), { ...quick, tolerances: { rtol: 0.1 } });
    expect(loose).toMatchObject({ status: 'same', configurations: [{ results: [given, given] }] });
    expect(
      (await check(scaled('1.0'), scaled('1.0000001'), { ...quick, tolerances: { outputs: { y: { atol: 0, rtol: 0 } } } })).status,
    ).toBe('different');
  });

  test('symbolic dimensions take the sizes asked for', async () => {
    const v = await check(relu, relu, { ...quick, shapes: { symbols: { N: [1, 4] } } });
    expect(v.inputs.map(i => [i.label, i.shapes.x])).toEqual([
      ['normal', [1, 3]],
      ['normal x:4x3', [4, 3]],
    ]);
  });

  test('data of the caller takes the place of generated inputs', async () => {
    const x = Tensor.of('float', [1, 3], [1, -1, 2]);
    const v = await check(relu, identity, { ...quick, kinds: [], data: [{ label: 'mine', source: 'given', feeds: () => ({ x }) }] });
    expect(v).toMatchObject({ status: 'different', inputs: [{ label: 'mine', source: 'given', shapes: { x: [1, 3] } }] });
    expect(v.inputs[0]!.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('progress reaches its total', async () => {
    const seen: [number, number][] = [];
    await check(relu, relu, { onProgress: (done, total) => seen.push([done, total]) });
    const total = seen[0]![1];
    expect(seen.map(s => s[0])).toEqual(Array.from({ length: total + 1 }, (_, i) => i));
  });
});

describe('a runtime that is wrong itself', () => {
  // ONNX Runtime 1.30 drops the Pad at level 'all', though zeros are not what MaxPool pads with.
  const pooled = (op: string) => `g (float[1, 1, 8, 8] x) => (float[1, 1, 4, 4] y) <int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}> {
    n = Abs (x) m = ${op} (n) h = Pad (m, p) y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (h) }`;

  test('is told from a wrong rewrite', async () => {
    const v = await check(pooled('Neg'), pooled('Neg'));
    expect(v.status).toBe('same');
    expect(v.warnings.map(w => [w.code, w.where])).toContainEqual(['runtime-drift', "cpu all, output 'y'"]);
    expect(v.configurations[1]!.results[0]).toMatchObject({ against: 'same-configuration' });
  });

  test('does not hide a wrong rewrite', async () => {
    expect((await check(pooled('Neg'), pooled('Sin'), { optimizations: ['all'] })).status).toBe('different');
  });
});

test('the text of a verdict begins with the verdict', async () => {
  const text = verdictText(await check(relu, identity, quick), { detail: true });
  expect(text.split('\n')[0]).toContain("different: cpu disabled, output 'y': relative L2");
  expect(text).toContain('onnxruntime-node 1.');
  expect(verdictText(await check(relu, relu, quick))).toMatch(/^\S*same\S*: 1 output/);
});
