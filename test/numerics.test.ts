import { afterAll, describe, expect, test } from 'vitest';
import { type PassOptions, passes } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { normal } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, outputsOf } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const lowered = async (model: Model, options: PassOptions) => (await rewrite(model, [passes['lower-frelu']!(options)])).model;
const levels = ['disabled', 'all'] as const;
const sums = ['residual', 'identity-conv'] as const;

/** Channels of a test network, each with weights of another scale; a multiple of four, so that ONNX Runtime blocks them. */
const scales = [2 ** -20, 1e-3, 0.01, 0.1, 0.3, 0.5, 1, 1, 2, 5, 30, 1000];
const CHANNELS = scales.length;
const SIZE = 24;

interface Branch {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly window: readonly [height: number, width: number];
}

function branch(seed: string, window: readonly [number, number], biased: boolean): Branch {
  const area = window[0] * window[1];
  const weight = Float32Array.from(normal(seed, CHANNELS * area), (w, i) => w * scales[Math.floor(i / area)]!);
  // The middle of the scales has a centre near 1, where T(x) − x cancels.
  for (const c of [6, 7]) weight[c * area + (area - 1) / 2]! = 1 + (c - 6) * 2 ** -20;
  return { weight, bias: Float32Array.from(normal(`${seed}b`, CHANNELS), b => (biased ? b : 0)), window };
}

const written = (values: Float32Array) => Array.from(values, x => x.toExponential()).join(', ');

/** y = max(x, T), T one convolution, the sum of two, or the larger of two. */
function network(branches: readonly Branch[], join: 'sum' | 'max'): Model {
  const weights = branches.map(
    ({ weight, bias, window }, i) =>
      `float[${CHANNELS},1,${window}] w${i} = {${written(weight)}}, float[${CHANNELS}] b${i} = {${written(bias)}}`,
  );
  const convolutions = branches.map(({ window: [h, w] }, i) => {
    const pads = [h, w, h, w].map(k => (k - 1) / 2);
    return `t${i} = Conv <group = ${CHANNELS}, pads = [${pads}]> (x, w${i}, b${i})`;
  });
  const combined = branches.length === 1 ? 'y = Max (t0, x)' : join === 'sum' ? 't = Add (t0, t1) y = Max (t, x)' : 'y = Max (t0, t1, x)';
  return parse(`<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,${CHANNELS},${SIZE},${SIZE}] x) => (float[1,${CHANNELS},${SIZE},${SIZE}] y) <${weights.join(', ')}> { ${convolutions.join(' ')} ${combined} }`);
}

/** Σ|w·x| + |b| at each pixel: what a convolution adds up, so what its rounding is measured in. */
function magnitudes({ weight, bias, window: [h, w] }: Branch, x: ArrayLike<number>): Float64Array {
  const result = new Float64Array(x.length);
  for (let at = 0; at < x.length; at++) {
    const c = Math.floor(at / SIZE ** 2);
    const [row, column] = [Math.floor(at / SIZE) % SIZE, at % SIZE];
    let sum = Math.abs(bias[c]!);
    for (let i = 0; i < h; i++) {
      for (let j = 0; j < w; j++) {
        const [y, z] = [row + i - (h - 1) / 2, column + j - (w - 1) / 2];
        if (y < 0 || z < 0 || y >= SIZE || z >= SIZE) continue;
        sum += Math.abs(weight[(c * h + i) * w + j]! * x[(c * SIZE + y) * SIZE + z]!);
      }
    }
    result[at] = sum;
  }
  return result;
}

/** Half a unit in the last place of 1. */
const UNIT = 2 ** -24;
/** What was measured, up to 10 for windows of 7×7, and room for machines that add up in another order. */
const MEASURED = 16;

const windows = [1, 3, 5, 7].flatMap(k => [
  { k, kind: 'one convolution', branches: (biased: boolean) => [branch(`c${k}`, [k, k], biased)], join: 'sum' as const },
  {
    k,
    kind: 'light, summed',
    branches: (biased: boolean) => [branch(`s${k}`, [1, k], biased), branch(`t${k}`, [k, 1], biased)],
    join: 'sum' as const,
  },
  {
    k,
    kind: 'light, compared',
    branches: (biased: boolean) => [branch(`m${k}`, [1, k], biased), branch(`n${k}`, [k, 1], biased)],
    join: 'max' as const,
  },
]);

describe.each(windows)('$kind, $k×$k', ({ k, branches: make, join }) => {
  test.each(sums)('%s differs from max by the rounding of its convolutions', async lowering => {
    for (const [biased, magnitude] of [
      [true, 1],
      [false, 100],
    ] as const) {
      const branches = make(biased);
      const x = Tensor.of(
        'float',
        [1, CHANNELS, SIZE, SIZE],
        normal(`x${k}`, CHANNELS * SIZE ** 2).map(v => v * magnitude),
      );
      const added = branches.map(b => magnitudes(b, x.numbers()));
      const model = network(branches, join);
      const other = await lowered(model, { lowering });
      for (const level of levels) {
        const [expected, found] = await Promise.all([model, other].map(async m => (await outputsOf(m, { x }, level)).y!.numbers()));
        const worst = Array.from(x.numbers(), (own, i) => {
          const size = Math.abs(own) + added.reduce((a, b) => (join === 'sum' ? a + b[i]! : Math.max(a, b[i]!)), 0);
          return Math.abs(found![i]! - expected![i]!) / (UNIT * size);
        }).reduce((a, b) => Math.max(a, b));
        const derived = (join === 'max' ? 2 : 1) * (2 * k * k + 4);
        expect(worst, `${level}, biased: ${biased}`).toBeLessThanOrEqual(Math.min(derived, MEASURED));
      }
    }
  });
});

describe('where T is 0', () => {
  const zeros = (window: readonly [number, number]): Branch => ({
    weight: new Float32Array(CHANNELS * window[0] * window[1]),
    bias: new Float32Array(CHANNELS),
    window,
  });
  const relu = parse(`<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,${CHANNELS},${SIZE},${SIZE}] x) => (float[1,${CHANNELS},${SIZE},${SIZE}] y) { y = Relu (x) }`);

  test.each([
    ['one convolution', [zeros([3, 3])], 'sum'],
    ['light, summed', [zeros([1, 7]), zeros([7, 1])], 'sum'],
    ['light, compared', [zeros([1, 3]), zeros([3, 1])], 'max'],
  ] as const)('%s: every form gives the bits of Relu, but for the sign of 0', async (_, branches, join) => {
    // Both zeros, the smallest and the largest numbers among them.
    const special = [0, -0, 2 ** -149, -(2 ** -149), 3.4e38, -3.4e38, 1, -1];
    const values = normal('zero', CHANNELS * SIZE ** 2).map((v, i) => (i % 3 === 0 ? special[(i / 3) % special.length]! : v));
    const x = Tensor.of('float', [1, CHANNELS, SIZE, SIZE], values);
    const model = network(branches, join);
    const forms = [model, ...(await Promise.all([...sums, 'max', 'fused'].map(f => lowered(model, { lowering: f as 'max' }))))];
    // ONNX Runtime's Relu keeps −0; a sum with 0 does not, and Max keeps it in some places of a vector.
    const unsigned = (y: Tensor) => Float32Array.from(y.numbers(), v => v + 0);
    for (const level of levels) {
      const expected = unsigned((await outputsOf(relu, { x }, level)).y!);
      for (const form of forms) expect(unsigned((await outputsOf(form, { x }, level)).y!)).toEqual(expected);
    }
  });
});

describe('a pixel that is not finite', () => {
  /** What is there of a result: NaN, an infinity, or a number. */
  const kindOf = (y: number) => (Number.isFinite(y) ? 'number' : String(y));
  /** A 3×3 window: one weight at the centre, one to its left, one to its right, 0 above and below. */
  const window = (centre: number, left: number, right: number): Branch => ({
    weight: Float32Array.from({ length: CHANNELS * 9 }, (_, i) => [0, 0, 0, left, centre, right, 0, 0, 0][i % 9]!),
    bias: new Float32Array(CHANNELS),
    window: [3, 3],
  });

  /** What comes out at the pixel itself, at its neighbours whose window sees it by the weight `right`, `left` and 0, and further away. */
  async function around(form: Model, value: number, level: 'disabled' | 'all') {
    const xs = normal('finite', CHANNELS * SIZE ** 2);
    const middle = SIZE / 2;
    for (let c = 0; c < CHANNELS; c++) xs[(c * SIZE + middle) * SIZE + middle] = value;
    const y = (await outputsOf(form, { x: Tensor.of('float', [1, CHANNELS, SIZE, SIZE], xs) }, level)).y!.numbers();
    const at = (row: number, column: number) => {
      const kinds = new Set(Array.from({ length: CHANNELS }, (_, c) => kindOf(y[(c * SIZE + middle + row) * SIZE + middle + column]!)));
      return [...kinds].join(' or ');
    };
    const beyond = Array.from(y).filter((_, i) => {
      const [row, column] = [Math.floor(i / SIZE) % SIZE, i % SIZE];
      return Math.max(Math.abs(row - middle), Math.abs(column - middle)) > 1;
    });
    expect(beyond.every(Number.isFinite)).toBe(true);
    return { itself: at(0, 0), right: at(0, -1), left: at(0, 1), zero: at(1, 0) };
  }

  const max = ['max', 'trainable', 'fused', 'x first'] as const;
  const form = (model: Model, name: (typeof max)[number] | (typeof sums)[number]) =>
    lowered(model, name === 'x first' ? { target: 'ort-webgpu' } : { lowering: name });

  // Neighbours: −∞ by a positive weight, and +∞ by a negative one, make T −∞, which x wins.
  const neighbours = {
    Infinity: { right: 'Infinity', left: 'number', zero: 'NaN' },
    '-Infinity': { right: 'number', left: 'Infinity', zero: 'NaN' },
    NaN: { right: 'NaN', left: 'NaN', zero: 'NaN' },
  };

  test.each([
    // centre, value, what max gives, what the residual forms give
    [0.5, Number.POSITIVE_INFINITY, 'Infinity', 'Infinity'],
    [0.5, Number.NEGATIVE_INFINITY, '-Infinity', 'NaN'],
    [0.5, Number.NaN, 'NaN', 'NaN'],
    [-0.5, Number.POSITIVE_INFINITY, 'Infinity', 'Infinity'],
    [-0.5, Number.NEGATIVE_INFINITY, 'Infinity', 'NaN'],
    [0, Number.POSITIVE_INFINITY, 'NaN', 'Infinity'],
    [0, Number.NEGATIVE_INFINITY, 'NaN', 'NaN'],
    [1, Number.POSITIVE_INFINITY, 'Infinity', 'NaN'],
    [1, Number.NEGATIVE_INFINITY, '-Infinity', 'NaN'],
    [2, Number.POSITIVE_INFINITY, 'Infinity', 'Infinity'],
    [2, Number.NEGATIVE_INFINITY, '-Infinity', '-Infinity'],
  ])('under the weight %d: %d', async (centre, value, itself, inSums) => {
    const model = network([window(centre, -0.25, 0.25)], 'sum');
    for (const level of levels) {
      const expected = neighbours[String(value) as keyof typeof neighbours];
      for (const name of max) expect(await around(await form(model, name), value, level), name).toEqual({ itself, ...expected });
      for (const name of sums) expect(await around(await form(model, name), value, level), name).toEqual({ itself: inSums, ...expected });
    }
  });
});
