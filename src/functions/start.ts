import type { DType } from '../tensor/dtype.ts';
import { normal } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Condition } from './frelu.ts';

/** The activation that a funnel begins as: max(x, slope·x + floor). */
export interface Start {
  /** One number, or a tensor with one per channel (shapes [C, 1, …], [1, C, 1, …], or a single element). */
  readonly slope: number | Tensor;
  readonly floor: number;
}

export interface StartOptions {
  readonly channels: number;
  /** Size of the window along each spatial axis. */
  readonly window: readonly number[];
  readonly condition: Condition;
  readonly dtype: DType;
  readonly init: 'exact' | 'gaussian';
  /** With BatchNormalization parameters. */
  readonly trainable: boolean;
  /** The same seed gives the same weights, whatever else is in the model. */
  readonly seed: string;
}

/** The parameters of a BatchNormalization without its bias, each [C]. */
export interface Normalization {
  readonly scale: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** One convolution of a condition: weight [C, 1, …window] (none for a pool), bias [C], which is the normalization's where there is one. */
export interface Branch extends Normalization {
  readonly weight: Tensor | undefined;
  readonly bias: Tensor;
}

/** Standard deviation of the Gaussian start, as FReLU's author advises. */
const STD = 0.01;
/** The epsilon of funnels' normalizations, every framework's default for vision, as ONNX stores it: in float. */
export const EPSILON = Math.fround(1e-5);

/**
 * A normalization that multiplies by exactly 1: γ = 1, μ = 0, σ² = 1 − ε. What rounding leaves of σ² + ε ≠ 1 is less than half a unit in
 * the last place of any weight, so folding it gives the weights' bits back.
 */
export function neutralNormalization(channels: number, dtype: DType): Normalization {
  const vector = (x: number) => Tensor.fill(dtype, [channels], x);
  return { scale: vector(1), mean: vector(0), variance: vector(1 - EPSILON) };
}

/** The windows of a condition's convolutions. */
export function windowsOf(condition: Condition, window: readonly number[]): readonly (readonly number[])[] {
  if (condition === 'conv') return [window];
  const [height = 1, width = 1] = window;
  return condition === 'light-sum' || condition === 'light-max'
    ? [
        [1, width],
        [height, 1],
      ]
    : [window];
}

/**
 * The weights a funnel starts with, by branch; undefined when the slope does not fit the channels, or when nothing can start as the
 * activation does (a pool as one with a slope).
 *
 * | | weight | normalization |
 * |---|---|---|
 * | exact, folded | slope at the centre tap, else 0 | – (bias: floor) |
 * | exact, trainable, slope 0 | N(0, 0.01²) | γ = 0, β = floor: T is β whatever statistics come |
 * | exact, trainable, other slopes | slope at the centre tap | γ = 1, μ = 0, σ² = 1 − ε, β = floor |
 * | gaussian | N(0, 0.01²) | γ = 1, β = floor |
 *
 * Of two branches that are summed, the first starts so and the second as nothing; of two that are compared, both start so. Weight 0 under
 * γ = 1 is left out on purpose: its gradients are 1/√ε ≈ 316 times too large once statistics come from the batch.
 */
export function startWeights(start: Start, options: StartOptions): Branch[] | undefined {
  const { channels, condition, init, window } = options;
  const slopes = slopesOf(start.slope, channels, window.length);
  if (!slopes) return undefined;
  const straight = slopes.every(a => a === 0);
  const pool = condition === 'max-pool' || condition === 'average-pool';
  if (pool && init === 'exact' && !straight) return undefined;
  return windowsOf(condition, window).map((own, i) => {
    const nothing = condition === 'light-sum' && i > 0;
    const branch = nothing ? { slopes: slopes.map(() => 0), floor: 0 } : { slopes, floor: start.floor };
    return branchOf(branch, own, pool, { ...options, seed: i === 0 ? options.seed : `${options.seed}:${i + 1}` });
  });
}

interface BranchStart {
  readonly slopes: readonly number[];
  readonly floor: number;
}

function branchOf({ slopes, floor }: BranchStart, window: readonly number[], pool: boolean, options: StartOptions): Branch {
  const { channels, dtype, init, trainable, seed } = options;
  const straight = slopes.every(a => a === 0);
  const area = window.reduce((a, b) => a * b, 1);
  const dims = [channels, 1, ...window];
  const isNoisy = (a: number) => init === 'gaussian' || (trainable && a === 0);
  const taps = slopes.some(isNoisy) ? normal(seed, channels * area).map(x => x * STD) : new Float64Array(channels * area);
  for (const [c, a] of slopes.entries()) if (!isNoisy(a)) taps.fill(0, c * area, (c + 1) * area)[c * area + (area - 1) / 2] = a;
  const vector = (x: number) => Tensor.of(dtype, [channels], new Float64Array(channels).fill(x));
  const fresh = (gamma: number) => ({ scale: vector(gamma), mean: vector(0), variance: vector(1) });
  return {
    weight: pool ? undefined : Tensor.of(dtype, dims, taps),
    bias: vector(floor),
    ...(init === 'gaussian' ? fresh(1) : straight ? fresh(0) : neutralNormalization(channels, dtype)),
    // A channel whose slope is 0 would have weights 0 under γ = 1.
    ...(init !== 'gaussian' &&
      !straight && {
        scale: Tensor.of(
          dtype,
          [channels],
          slopes.map(a => (a === 0 ? 0 : 1)),
        ),
      }),
  };
}

function slopesOf(slope: number | Tensor, channels: number, spatialRank: number): number[] | undefined {
  if (typeof slope === 'number') return new Array<number>(channels).fill(slope);
  const values = Array.from(slope.numbers());
  if (values.length === 1) return new Array<number>(channels).fill(values[0]!);
  return values.length === channels && slope.dims.at(-1 - spatialRank) === channels ? values : undefined;
}
