import { Tensor } from '../tensor/tensor.ts';
import { deadChannels } from './linear.ts';
import { type Branch, EPSILON, neutralNormalization } from './start.ts';

/** One convolution of a funnel as it was trained: weight [C, 1, …window], window sizes odd; all others [C]. */
export interface TrainedBranch {
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
  /** γ, β, μ, σ² of the BatchNormalization behind it, ε = 1e-5 (in float). */
  readonly norm?: { readonly scale: Tensor; readonly bias: Tensor; readonly mean: Tensor; readonly variance: Tensor } | undefined;
  /** Taps per axis; 1 where nothing else is said. */
  readonly dilations?: readonly number[];
}

/**
 * A trained branch as a funnel starts with it, in the element type of `like`. With `trainable`, its normalization is kept (a bias before
 * it goes into the mean), or a neutral one is put behind it; without, W′ = W·γ/√(σ² + ε), B′ = (B − μ)·γ/√(σ² + ε) + β.
 * Undefined where training would begin with weights 0 under a γ that is not.
 */
export function startFrom({ weight, bias, norm }: TrainedBranch, dtype: Tensor['dtype'], trainable: boolean): Branch | undefined {
  const channels = weight.dims[0]!;
  const zeros = Tensor.fill(dtype, [channels], 0);
  const neutral = neutralNormalization(channels, dtype);
  const to = (t: Tensor) => t.as(dtype);
  if (trainable) {
    const { scale } = norm ?? neutral;
    const gammas = scale.numbers();
    const dead = deadChannels({ weight, bias: zeros, dilations: [] });
    if (dead.some(c => gammas[c] !== 0)) return undefined;
    if (!norm) return { weight: to(weight), bias: bias ? to(bias) : zeros, ...neutral };
    const mean = bias ? norm.mean.sub(bias) : norm.mean;
    return { weight: to(weight), scale: to(norm.scale), bias: to(norm.bias), mean: to(mean), variance: to(norm.variance) };
  }
  if (!norm) return { weight: to(weight), bias: bias ? to(bias) : zeros, ...neutral };
  const k = norm.scale.div(norm.variance.add(EPSILON).sqrt());
  const shift = (bias ? bias.sub(norm.mean) : norm.mean.mul(-1)).mul(k).add(norm.bias);
  return { weight: to(weight.mul(k.along(0, weight.rank))), bias: to(shift), ...neutral };
}
