import type { Builder } from '../rewrite/builder.ts';
import { type Captures, constant, type Matched, type Pattern, p } from '../rewrite/pattern.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A matched BatchNormalization, its parameters under the names that `parameters` captures. */
export interface Normalization {
  readonly scale: Tensor;
  readonly bias: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly bn: Matched<'BatchNormalization'>;
}

/** scale·(x − mean)/√(variance + ε) + bias as x·k + t, k and t vectors over `channels`. */
export function affine(
  { scale, bias, mean, variance, bn }: Normalization,
  channels: number,
  op: Pick<Builder, 'refuse'>,
): { k: Tensor; t: Tensor; magnitude: Tensor } | Refusal {
  const { node, attrs } = bn;
  // Operator sets 7 to 13 have no attribute for it: asking for the statistics means training.
  if (attrs.training_mode === undefined && attrs.is_test === undefined && node.outputs.some((o, i) => i > 0 && o.name !== ''))
    return op.refuse('E_TRAINING', 'it has outputs for statistics, which before operator set 14 means training');
  if ([scale, bias, mean, variance].some(v => v.rank !== 1 || v.size !== channels))
    return op.refuse('E_SHAPE', `the parameters are not vectors of ${channels} channels`);
  const k = scale.div(variance.add(attrs.epsilon).sqrt());
  const moved = mean.mul(k);
  return { k, t: bias.sub(moved), magnitude: bias.abs().add(moved.abs()) };
}

/** Matches a BatchNormalization at inference with constant parameters, under the names of `Normalization`. */
export const normalization = <C extends Captures>(x: Pattern<C>) =>
  p
    .BatchNormalization(x, constant('scale'), constant('bias'), constant('mean'), constant('variance'))
    .with(inference, 'E_TRAINING')
    .with({ spatial: 1 })
    .as('bn');

/** BatchNormalization at inference: training_mode is 0 (operator set 14 on), is_test is 1 (before 7), spatial is 1 (before 9). */
export const inference = { training_mode: 0, is_test: 1 };
