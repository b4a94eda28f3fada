import type { DType } from '../tensor/dtype.ts';
import { normal } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';

/** The activation that a funnel begins as: max(x, slope·x + floor). */
export interface Start {
  /** One number, or a tensor with one per channel (shapes [C, 1, 1], [1, C, 1, 1], or a single element). */
  readonly slope: number | Tensor;
  readonly floor: number;
}

export interface StartOptions {
  readonly channels: number;
  readonly kernel: number;
  readonly dtype: DType;
  readonly init: 'exact' | 'gaussian';
  /** With BatchNormalization parameters. */
  readonly trainable: boolean;
  /** The same seed gives the same weights, whatever else is in the model. */
  readonly seed: string;
}

/** weight [C, 1, k, k]; bias, scale, mean and variance [C]. Without BatchNormalization, bias is the convolution's. */
export interface StartWeights {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly scale: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Standard deviation of the Gaussian start, as FReLU's author advises. */
const STD = 0.01;
/** The epsilon of the normalization that `trainable` starts are made for. */
const EPSILON = 1e-5;

/**
 * The weights a funnel starts with; undefined when the slope does not fit the channels.
 *
 * | | weight | normalization |
 * |---|---|---|
 * | exact, folded | slope at the centre tap, else 0 | – (bias: floor) |
 * | exact, trainable, slope 0 | N(0, 0.01²) | γ = 0, β = floor: T is β whatever statistics come |
 * | exact, trainable, other slopes | slope at the centre tap | γ = √(1 + ε), μ = 0, σ² = 1, β = floor |
 * | gaussian | N(0, 0.01²) | γ = 1, β = floor |
 *
 * Weight 0 under γ = 1 is left out on purpose: its gradients are 1/√ε ≈ 316 times too large once statistics come from the batch.
 */
export function startWeights(start: Start, options: StartOptions): StartWeights | undefined {
  const { channels, kernel, dtype, init, trainable, seed } = options;
  const slopes = slopesOf(start.slope, channels);
  if (!slopes) return undefined;
  const straight = slopes.every(a => a === 0);
  const area = kernel * kernel;
  const dims = [channels, 1, kernel, kernel];
  const random = () =>
    Tensor.of(
      dtype,
      dims,
      normal(seed, channels * area).map(x => x * STD),
    );
  const centred = () => {
    const taps = new Float64Array(channels * area);
    for (const [c, a] of slopes.entries()) taps[c * area + (area - 1) / 2] = a;
    return Tensor.of(dtype, dims, taps);
  };
  const vector = (x: number) => Tensor.of(dtype, [channels], new Float64Array(channels).fill(x));
  const noisy = init === 'gaussian' || (trainable && straight);
  return {
    weight: noisy ? random() : centred(),
    bias: vector(start.floor),
    scale: vector(init === 'gaussian' ? 1 : straight ? 0 : Math.sqrt(1 + EPSILON)),
    mean: vector(0),
    variance: vector(1),
  };
}

function slopesOf(slope: number | Tensor, channels: number): number[] | undefined {
  if (typeof slope === 'number') return new Array<number>(channels).fill(slope);
  const values = Array.from(slope.numbers());
  if (values.length === 1) return new Array<number>(channels).fill(values[0]!);
  return values.length === channels && slope.dims.at(-3) === channels ? values : undefined;
}
