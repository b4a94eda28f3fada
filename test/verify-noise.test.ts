import { afterAll, describe, expect, test } from 'vitest';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import type { Baseline, Standard } from '../src/verify/baseline.ts';
import { compare } from '../src/verify/compare.ts';
import { isFlipped } from '../src/verify/flips.ts';
import { held } from '../src/verify/held.ts';
import { slicesOf } from '../src/verify/slices.ts';
import { ruleOf } from '../src/verify/tolerance.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';

const runtime = new Runtime();
afterAll(() => runtime.close());
const model = (text: string) => ({ bytes: encode(parse(text)) });
const check = (a: string, b: string, options?: VerifyOptions) => verify(model(a), model(b), { runtime, ...options });
const quick = { kinds: ['normal'], optimizations: ['disabled'] } as const satisfies VerifyOptions;

describe('an output of parts that have different magnitudes', () => {
  /** Boxes in pixels and scores, side by side; `other` stands in the place of the scores' bias. */
  const detector = (axis: number, bias: string, sum = 'Add (p, b)') => `g (float[1, 8, 20, 20] x) => (float[1, N, M] y)
    <float[4, 8, 1, 1] wb = {${numbers(32)}}, float[6, 8, 1, 1] ws = {${numbers(48)}}, float[1, 6, 1, 1] b = {${bias}}, float k = {640.0},
     int64[3] f = {1, 4, 400}, int64[3] g = {1, 6, 400}> {
      c = Conv (x, wb) d = Sigmoid (c) e = Mul (d, k) boxes = Reshape (e, f)
      p = Conv (x, ws) q = ${sum} r = Sigmoid (q) scores = Reshape (r, g)
      all = Concat <axis = 1> (boxes, scores) y = Transpose <perm = [0, ${axis === 1 ? '1, 2' : '2, 1'}]> (all) }`;
  const numbers = (n: number) => Array.from({ length: n }, (_, i) => (Math.sin(i * 1.7) * 0.4).toFixed(4)).join(', ');

  test.each([1, 2])('is held to each part, along axis %i', async axis => {
    const a = detector(axis, '0, 0, 0, 0, 0, 0');
    const off = await check(a, detector(axis, '0, 0, 0, 0.006, 0, 0'), quick);
    expect(off).toMatchObject({ status: 'different', reasons: [{ code: 'output-values' }] });
    const [{ comparison, tolerance }] = off.configurations[0]!.results as never as [(typeof off.configurations)[0]['results'][0]];
    expect(Number(comparison.maxAbs)).toBeLessThan(tolerance.atol);
    expect(tolerance.slices).toEqual([{ axis, leastAtol: tolerance.atol / 16 }]);
    expect(comparison.worst!.index[axis]).toBe(7);
    // The same sum in another order.
    const exact = detector(axis, '0.1, 0.2, 0.3, 0.4, 0.5, 0.6', 'Add (p, b)');
    const split = detector(axis, '0.05, 0.1, 0.15, 0.2, 0.25, 0.3', 'Sum (b, p, b)');
    expect(await check(exact, split, quick)).toMatchObject({ status: 'same', configurations: [{ identical: false }] });
    // By hand is by hand.
    expect((await check(a, detector(axis, '0, 0, 0, 0.006, 0, 0'), { ...quick, tolerances: { atol: 2e-3 } })).status).toBe('same');
  });

  test('a part that is small because it cancels has the noise of what it cancels', async () => {
    const cancelling = (sum: string) => `g (float[1, 64, 16, 16] x) => (float[1, 2, 16, 16] y)
      <int64[1] ax = {1}, int64[1] z = {0}, int64[1] o = {1}, float k = {1000.0}, float h = {0.5}> {
        s = ReduceSum <keepdims = 1> (x, ax) t = Mul (s, k) f = Slice (x, z, o, ax) ${sum} c = Sub (u, t) y = Concat <axis = 1> (t, c) }`;
    const v = await check(cancelling('u = Add (t, f)'), cancelling('i = Mul (t, h) j = Add (i, f) u = Add (j, i)'), quick);
    expect(v).toMatchObject({
      status: 'same',
      configurations: [{ identical: false, results: [{ tolerance: { slices: [{ axis: 1 }] } }] }],
    });
  });

  test('slices are those of axes 0, 1 and the last that have elements enough', () => {
    const t = Tensor.of(
      'float',
      [2, 3, 400],
      Float64Array.from({ length: 2400 }, (_, i) => (Math.floor(i / 400) % 3 === 2 ? 1 : 100)),
    );
    expect(slicesOf(t, 100)).toEqual([{ axis: 1, size: 3, stride: 400, peaks: Float64Array.of(100, 100, 1) }]);
    expect(slicesOf(Tensor.of('float', [1, 24], new Float64Array(24).fill(1)), 1)).toEqual([]);
    expect(slicesOf(Tensor.of('int64', [2, 3, 400], new Float64Array(2400).fill(1)), 1)).toEqual([]);
  });
});

describe('what rounding decides', () => {
  test('may be others as often as in A, and no oftener', () => {
    const a = Tensor.of('int64', [100], new Float64Array(100));
    const b = (changed: number, by = 1) =>
      Tensor.of(
        'int64',
        [100],
        Float64Array.from({ length: 100 }, (_, i) => (i < changed ? by : 0)),
      );
    const flipped = (changed: number, elements: number) =>
      isFlipped(a, compare(a, b(changed), { atol: 0, rtol: 0, relativeL2: 0, equalNan: false }), { elements, by: 1 });
    expect([flipped(8, 1), flipped(9, 1), flipped(10, 9), flipped(11, 9), flipped(1, 0), flipped(0, 5)]).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
    ]);
    const quantised = Tensor.of('int8', [100], new Float64Array(100));
    const two = Tensor.of(
      'int8',
      [100],
      Float64Array.from({ length: 100 }, (_, i) => (i === 0 ? 2 : 0)),
    );
    const c = compare(quantised, two, { atol: 0, rtol: 0, relativeL2: 0, equalNan: false });
    expect([isFlipped(quantised, c, { elements: 1, by: 1 }), isFlipped(quantised, c, { elements: 1, by: 2 })]).toEqual([false, true]);
  });

  test('indices of an exact rewrite are the same, with a warning; wrong ones are not', async () => {
    // The factors in another order; of so many values some are a rounding apart.
    const top = (product: string, sign = '1.0') => `g (float[1, 65536] x) => (int64[1, 20000] i)
      <float h = {0.3}, float k = {0.7}, float e = {${sign}}, int64[1] n = {20000}> { ${product} u = Mul (t, e) v, i = TopK (u, n) }`;
    const a = top('s = Mul (x, h) t = Mul (s, k)');
    const v = await check(a, top('s = Mul (h, k) t = Mul (x, s)'), quick);
    expect(v).toMatchObject({ status: 'same', warnings: [{ code: 'rounding-decides' }] });
    expect(v.configurations[0]!.results[0]!.comparison.violations).toBeGreaterThan(0);
    expect((await check(a, top('s = Mul (x, h) t = Mul (s, k)', '-1.0'), quick)).status).toBe('different');
  });
});

describe('where ONNX Runtime itself is wrong on A', () => {
  // Its optimiser moves padding with zeros into MaxPool, which pads with −∞.
  const pad = `g (float[1, 3, 9, 9] x) => (float[1, 3, 4, 4] y) <int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}> {
    q = Pad (x, p) y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (q) }`;
  const joined = `g (float[1, 3, 9, 9] x) => (float[1, 3, 4, 4] y) <float[1, 3, 1, 9] r = {${zeros(27)}}, float[1, 3, 11, 1] c = {${zeros(33)}}> {
    t = Concat <axis = 2> (r, x, r) q = Concat <axis = 3> (c, t, c) y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (q) }`;
  function zeros(n: number): string {
    return Array.from({ length: n }, () => '0.0').join(', ');
  }

  test('B may be right', async () => {
    const v = await check(pad, joined);
    expect(v).toMatchObject({ status: 'same', configurations: [{ identical: true }, { identical: true }] });
    expect(v.warnings).toMatchObject([{ code: 'runtime-drift', message: expect.stringContaining('and not on B') }]);
    expect((await check(pad, pad)).warnings).toMatchObject([
      { code: 'runtime-drift', message: expect.stringContaining('compared with A') },
    ]);
  });
});

describe('where the runtime drifts on A', () => {
  const of = (factor: number) =>
    Tensor.of(
      'float',
      [100],
      Float64Array.from({ length: 100 }, (_, i) => factor * (1 + i)),
    );
  /** A is off by `drift` in a configuration; B by `by`. */
  const isSame = (drift: number, by: number, proven: boolean) => {
    const tolerance = { atol: 1e-4, rtol: 2e-5, relativeL2: 5e-6, source: 'derived', because: 'float' } as const;
    const comparison = compare(of(1), of(1 + drift), ruleOf(tolerance, false));
    const reference = { expected: of(1), tolerance, slices: [], against: 'reference', drift: comparison } as const;
    const standard: Standard = { ...reference, expected: of(1 + drift), against: 'same-configuration', otherwise: reference };
    const baseline = { standard: () => standard, flipsOf: () => ({ elements: 0, by: 0 }) } as unknown as Baseline;
    const at = { provider: 'cpu', optimization: 'all' } as const;
    return held(baseline, at, 'normal', 'y', of(1 + by), { equalNan: false }, proven).comparison.same;
  };

  test('B may by as much, where it is the same without optimisation', () => {
    expect(isSame(4e-4, 5e-4, true)).toBe(true);
    expect(isSame(4e-4, 5e-4, false)).toBe(false);
    expect(isSame(4e-4, 9e-4, true)).toBe(false);
    expect(isSame(4e-4, -1e-4, true)).toBe(false);
    // A runtime that is wrong altogether excuses nothing.
    expect(isSame(0.05, 0.06, true)).toBe(false);
  });
});

describe('random outputs', () => {
  test('of models without floats that go in', async () => {
    const random = (more: string) =>
      `g (int64[2] x) => (float[4, 3] y) <int64[2] s = {4, 3}> { ${more} y = RandomNormal <shape = [4, 3]> () z = Identity (x) }`;
    const v = await check(random(''), random('a = Identity (x) b = Identity (a)'), quick);
    expect(v).toMatchObject({ status: 'inconclusive', reasons: [{ code: 'random-output' }] });
  });
});
