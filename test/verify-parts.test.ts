import { describe, expect, test } from 'vitest';
import { otherCases, shapeCases } from '../src/infer/shapes.ts';
import { random } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { epsilonOf, ulpOf } from '../src/tensor/ulp.ts';
import { compare, type Rule } from '../src/verify/compare.ts';
import { generate, inputKinds } from '../src/verify/inputs.ts';
import { type Circumstances, toleranceFor } from '../src/verify/tolerance.ts';
import { topK } from '../src/verify/top-k.ts';

describe('compare', () => {
  const strict: Rule = { atol: 0, rtol: 0, relativeL2: 0, equalNan: false };
  const of = (...values: number[]) => Tensor.of('float', [values.length], values);

  test('statistics', () => {
    const c = compare(of(3, 4, 0), of(3, 4, 0.5), strict);
    expect(c).toMatchObject({
      same: false,
      identical: false,
      reasons: ['elements', 'relative-l2'],
      violations: 1,
      maxAbs: 0.5,
      relativeL2: 0.1,
      maxRel: 'Infinity',
    });
    expect(c).toMatchObject({ worst: { index: [2], expected: 0, actual: 0.5 }, requiredAtol: 0.5, snrDb: 20 });
    expect(c.meanAbs).toBeCloseTo(0.5 / 3, 12);
    expect(c.cosine).toBeCloseTo(25 / (5 * Math.sqrt(25.25)), 12);
    expect(compare(of(1), of(1 + 2 ** -23), strict).maxUlp).toBe(1);
  });

  test('relative and ulp errors: largest, mean and 99th percentile; a reference of 0 has no relative error but an infinite one', () => {
    const ulp = 2 ** -23;
    const c = compare(of(1, 2, 0, 8), of(1 + ulp, 2 + 6 * ulp, 0, 8), strict);
    expect(c).toMatchObject({ maxUlp: 3, meanUlp: 1, p99Ulp: 3, maxRel: 3 * ulp, meanRel: (4 * ulp) / 3, p99Rel: 3 * ulp });
    const zero = compare(of(0, 4), of(1, 5), strict);
    expect(zero).toMatchObject({ maxRel: 'Infinity', meanRel: 0.25, p99Rel: 'Infinity' });
    expect(compare(of(0), of(1), strict)).toMatchObject({ maxRel: 'Infinity', meanRel: 'Infinity', cosine: 0 });
    const many = Array.from({ length: 1000 }, (_, i) => (i < 20 ? 1e-3 : 1e-6));
    const spread = compare(of(...many.map(() => 1)), of(...many.map(d => 1 + d)), strict);
    expect([spread.p99Abs, spread.p99Rel].map(Number)).toEqual([expect.closeTo(1e-3, 7), expect.closeTo(1e-3, 7)]);
  });

  test('a sample of very many elements meets every channel', () => {
    const size = 512 * 512;
    const a = Tensor.of('float', [1, 512, 512, 3], new Float64Array(3 * size).fill(1));
    const b = Tensor.of(
      'float',
      [1, 512, 512, 3],
      Float64Array.from({ length: 3 * size }, (_, i) => (i % 3 === 0 ? 1 : 1.25)),
    );
    expect(compare(a, b, strict)).toMatchObject({ p99Abs: 0.25, p99Rel: 0.25 });
  });

  test('decades of the difference, at the ends of float64 too', () => {
    const doubles = (...v: number[]) => Tensor.of('double', [v.length], v);
    const edges = [1e-3, 9.9e-4, 1e22, 1e23, 5e-324, 2.5e-308, 1e308, 1];
    const c = compare(doubles(...edges.map(() => 0)), doubles(...edges), strict);
    expect(c.histogram).toEqual([
      [-324, 1],
      [-308, 1],
      [-4, 1],
      [-3, 1],
      [0, 1],
      [22, 1],
      [23, 1],
      [308, 1],
    ]);
  });

  test('rankings: of all ways to choose among elements of A that are equal, the one that is nearest to B', () => {
    const next = random('rankings');
    const value = () => [Number.NaN, -1, 0, 0, 1, 1, 2][Math.floor(next() * 7)]!;
    const above = (p: number, q: number) => !Number.isNaN(p) && (Number.isNaN(q) || p > q);
    for (let round = 0; round < 300; round++) {
      const [rows, width] = [1 + Math.floor(next() * 3), 1 + Math.floor(next() * 6)];
      const k = 1 + Math.floor(next() * width);
      const [a, b] = [0, 1].map(() => Array.from({ length: rows * width }, value)) as [number[], number[]];
      let agreed = 0;
      for (let row = 0; row < rows; row++) {
        const [p, q] = [a, b].map(v => v.slice(row * width, (row + 1) * width)) as [number[], number[]];
        const order = [...q.keys()].sort((i, j) => (above(q[i]!, q[j]!) ? -1 : above(q[j]!, q[i]!) ? 1 : i - j));
        const picked = new Set(order.slice(0, k));
        // Every set of k elements that none left out is above.
        const choices = Array.from({ length: 2 ** width }, (_, bits) => [...p.keys()].filter(i => (bits >> i) & 1)).filter(
          chosen => chosen.length === k && [...p.keys()].every(i => chosen.includes(i) || !chosen.some(j => above(p[i]!, p[j]!))),
        );
        agreed += Math.max(...choices.map(chosen => chosen.filter(i => picked.has(i)).length));
      }
      const of = (values: number[]) => Tensor.of('float', [rows, width], values);
      expect(topK(of(a), of(b), [k])![0]!.agreement).toBeCloseTo(agreed / (rows * k), 12);
      expect(topK(of(a), of(a), [k])![0]!.agreement).toBe(1);
    }
  });

  test('rankings: equal elements rank equally, NaN last', () => {
    const agreement = (a: number[], b: number[], k: number) => topK(of(...a), of(...b), [k])?.[0]?.agreement;
    expect(agreement([3, 1, 2], [3, 1, 2], 2)).toBe(1);
    expect(agreement([3, 1, 2], [1, 3, 2], 1)).toBe(0);
    expect(agreement([3, 1, 2], [1, 3, 2], 2)).toBe(0.5);
    expect(agreement([2, 2, 1], [1, 2, 0], 1)).toBe(1);
    expect(agreement([1, Number.NaN, 2], [1, 9, 2], 1)).toBe(0);
    expect(agreement([1, 2], [2, 1], 5)).toBe(1);
    // The 5 is among A's two for sure, and of the others one.
    expect([agreement([5, 4, 4, 4], [0, 1, 9, 9], 2), agreement([5, 4, 4, 4], [9, 1, 1, 9], 2)]).toEqual([0.5, 1]);
    expect(agreement([5, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1], 5)).toBe(0.8);
    expect(topK(Tensor.of('float', [], [1]), Tensor.of('float', [], [1]), [1])).toBeUndefined();
    expect(topK(Tensor.of('float', [0, 4], []), Tensor.of('float', [0, 4], []), [1])).toBeUndefined();
  });

  test('the element rule is numpy’s', () => {
    expect(compare(of(100), of(101.5), { ...strict, atol: 0.5, rtol: 0.01, relativeL2: 1 }).same).toBe(true);
    expect(compare(of(100), of(101.6), { ...strict, atol: 0.5, rtol: 0.01, relativeL2: 1 }).reasons).toEqual(['elements']);
  });

  test('signed zeros, infinities and NaN', () => {
    expect(compare(of(0), of(-0), strict)).toMatchObject({ same: true, identical: false });
    const loose = { atol: 1e9, rtol: 1e9, relativeL2: 1e9, equalNan: false };
    expect(compare(of(Infinity, -Infinity), of(Infinity, -Infinity), strict).same).toBe(true);
    expect(compare(of(Infinity), of(-Infinity), loose).reasons).toEqual(['infinity']);
    expect(compare(of(1), of(Infinity), loose).reasons).toEqual(['infinity']);
    expect(compare(of(Number.NaN), of(Number.NaN), loose).reasons).toEqual(['nan-in-both']);
    expect(compare(of(Number.NaN), of(Number.NaN), { ...loose, equalNan: true }).same).toBe(true);
    expect(compare(of(Number.NaN), of(1), { ...loose, equalNan: true }).reasons).toEqual(['nan']);
  });

  test('other shapes, other types, large integers, strings', () => {
    expect(compare(of(1, 2), of(1, 2).reshape([2, 1]), strict).reasons).toEqual(['shape']);
    expect(compare(of(1), of(1).as('double').settle(), strict).reasons).toEqual(['dtype']);
    const long = (x: bigint) => Tensor.of('int64', [1], [x]);
    expect(compare(long(2n ** 62n), long(2n ** 62n + 1n), { ...strict, atol: 10 }).reasons).toEqual(['elements']);
    const text = (...s: string[]) =>
      Tensor.ofStrings(
        [s.length],
        s.map(x => Buffer.from(x)),
      );
    expect(compare(text('a', 'b'), text('a', 'c'), strict)).toMatchObject({
      same: false,
      worst: { index: [1], expected: 'b', actual: 'c' },
    });
  });

  test('numbers at the ends of float64’s range', () => {
    const double = (...v: number[]) => Tensor.of('double', [v.length], v);
    expect(compare(double(1e300, 1e300), double(1e300, 1.1e300), strict).relativeL2).toBeCloseTo(0.1 / Math.SQRT2, 10);
    expect(compare(double(1e-300), double(2e-300), strict).relativeL2).toBeCloseTo(1, 10);
  });

  test('ulp', () => {
    expect([epsilonOf('float'), epsilonOf('float16'), epsilonOf('bfloat16'), epsilonOf('double'), epsilonOf('int64')]).toEqual([
      2 ** -23,
      2 ** -10,
      2 ** -7,
      2 ** -52,
      0,
    ]);
    expect([ulpOf('float')(1), ulpOf('float')(1.99), ulpOf('float')(2), ulpOf('float16')(0)]).toEqual([
      2 ** -23,
      2 ** -23,
      2 ** -22,
      2 ** -24,
    ]);
  });
});

describe('tolerance', () => {
  const usual: Circumstances = {
    output: 'y',
    dtype: 'float',
    precision: undefined,
    across: false,
    noise: 1e-7,
    peak: 10,
    peakElsewhere: 10,
  };
  const l2 = (c: Partial<Circumstances>) => Number(toleranceFor({ ...usual, ...c }, {}).relativeL2);

  test('is what was measured to separate noise from errors', () => {
    expect(l2({})).toBeCloseTo(5e-6, 7);
    expect(l2({ across: true })).toBeCloseTo(2e-5, 6);
    expect(toleranceFor(usual, {})).toMatchObject({ source: 'derived', atol: expect.closeTo(5e-5, 6), rtol: expect.closeTo(2e-5, 6) });
  });

  test('grows with noise, within bounds', () => {
    expect(l2({ noise: 1e-6 })).toBeCloseTo(8e-6, 9);
    expect(l2({ noise: 1 })).toBeCloseTo(16 * 42 * 2 ** -23, 9);
    for (const dtype of ['float', 'double', 'float16', 'bfloat16', 'float8e5m2'] as const)
      expect(l2({ dtype, across: true, noise: 9 })).toBeLessThanOrEqual(0.1);
  });

  test('follows the coarsest type involved', () => {
    expect(l2({ precision: 'float16' })).toBe(l2({ dtype: 'float16' }));
    expect(l2({ dtype: 'double' })).toBeLessThan(1e-12 * 1e6);
    expect(toleranceFor({ ...usual, dtype: 'int64' }, { atol: 5 })).toMatchObject({ atol: 0, rtol: 0, source: 'exact' });
  });
});

describe('inputs', () => {
  const inputs = [
    { name: 'x', dtype: 'float', shape: ['N', 3, undefined, 'W'] },
    { name: 'w', dtype: 'int64', shape: ['W'] },
    { name: 'b', dtype: 'bool', shape: [] },
  ] as const;

  test('sizes: two for a batch, 32 else, one size a symbol', () => {
    expect(shapeCases(inputs, {})).toEqual([{ x: [2, 3, 32, 32], w: [32], b: [] }]);
    expect(shapeCases(inputs, { inputs: { x: [1, 3, 8, 9] } })).toEqual([{ x: [1, 3, 8, 9], w: [9], b: [] }]);
    expect(shapeCases(inputs, { symbols: { N: [1, 2], W: 4 } }).map(c => c.x)).toEqual([
      [1, 3, 32, 4],
      [2, 3, 32, 4],
    ]);
  });

  test('other sizes: one for each symbol, one for all, another batch; none where any are given', () => {
    expect(otherCases(inputs, {})).toEqual([
      { x: [3, 3, 64, 96], w: [96], b: [] },
      { x: [3, 3, 64, 64], w: [64], b: [] },
      { x: [3, 3, 32, 32], w: [32], b: [] },
    ]);
    // Dimensions without a name are the same in all inputs; two batches are not.
    const unnamed = { dtype: 'int64', shape: [undefined, undefined] } as const;
    expect(
      otherCases(
        [
          { name: 'ids', ...unnamed },
          { name: 'mask', ...unnamed },
        ],
        {},
      )[0],
    ).toEqual({ ids: [3, 64], mask: [3, 64] });
    const [n, m] = [{ name: 'n', dtype: 'float', shape: ['N', 4] } as const, { name: 'm', dtype: 'float', shape: ['M', 4] } as const];
    expect(otherCases([n, m], {})).toEqual([
      { n: [3, 4], m: [4, 4] },
      { n: [3, 4], m: [3, 4] },
    ]);
    // Never those that are tried anyway.
    expect(otherCases([{ name: 'x', dtype: 'float', shape: [1, 'L'] }], {})).toEqual([{ x: [1, 64] }]);
    expect(otherCases([{ name: 'x', dtype: 'float', shape: [1, 3] }], {})).toEqual([]);
    expect(otherCases(inputs, { symbols: { N: 1 } })).toEqual([]);
    expect(otherCases(inputs, { symbols: {}, inputs: {} })).toHaveLength(3);
  });

  test('the same seed gives the same bits, another seed others; kinds differ', () => {
    const cases = shapeCases(inputs, {});
    const bytes = (seed: number) =>
      generate(inputs, cases, inputKinds, seed).map(s => Buffer.from(s.feeds().x!.bytes()).toString('base64'));
    expect(bytes(1)).toEqual(bytes(1));
    expect(new Set([...bytes(1), ...bytes(2)]).size).toBe(14);
  });

  test('kinds are what they say', () => {
    const x = { name: 'x', dtype: 'float', shape: [1, 2, 3, 3] } as const;
    const values = Object.fromEntries(
      generate([x], shapeCases([x], {}), inputKinds, 0).map(s => [s.label, [...(s.feeds().x!.numbers() as Float32Array)]]),
    );
    expect(values.normal!.some(v => v < 0) && values.normal!.some(v => v > 0)).toBe(true);
    expect(values.uniform!.every(v => v >= 0 && v < 1)).toBe(true);
    expect(new Set(values.zeros!.map(v => Object.is(v, -0)))).toEqual(new Set([true, false]));
    expect(values.flips!.map(Math.sign)).toEqual([...Array(9).fill(1), ...Array(9).fill(-1)]);
    expect([values.edges![4], values.edges![13]]).toEqual([0, 0]);
  });
});
