import type { Model } from '../src/ir/model.ts';
import type { Node } from '../src/ir/node.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { bypass, constantAt, mapped, onlyUser, replace, sliceSize, withAttributes, withOperand } from './edit.ts';
import { attributesOf, type Kind, kind } from './kind.ts';

/** What folding a BatchNormalization into the Conv before it is computed from, by channel. */
export interface Normalization {
  readonly scale: readonly number[];
  readonly bias: readonly number[];
  readonly mean: readonly number[];
  readonly variance: readonly number[];
  readonly epsilon: number;
  /** The bias of the Conv. */
  readonly before: readonly number[];
}

/** Folds a BatchNormalization into the Conv before it, from what `flaw` makes of its numbers; undefined where it can't be folded. */
export function fold(norm: Node, model: Model, flaw: (n: Normalization) => Normalization): (() => void) | undefined {
  const conv = norm.inputs[0]?.producer;
  const weight = conv?.op.name === 'Conv' ? constantAt(conv, 1) : undefined;
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map(i => constantAt(norm, i)?.numbers());
  if (!conv || !weight || !scale || !bias || !mean || !variance || onlyUser(conv.outputs[0]!) !== norm) return undefined;
  const before = Array.from(constantAt(conv, 2)?.numbers() ?? new Array<number>(scale.length).fill(0));
  const list = (values: ArrayLike<number>) => Array.from(values);
  const epsilon = attributesOf(norm, 'BatchNormalization').epsilon ?? 1e-5;
  return () => {
    const n = flaw({ scale: list(scale), bias: list(bias), mean: list(mean), variance: list(variance), epsilon, before });
    const factors = n.scale.map((s, c) => s / Math.sqrt(n.variance[c]! + n.epsilon));
    const shift = n.bias.map((b, c) => b + (n.before[c]! - n.mean[c]!) * factors[c]!);
    const size = sliceSize(weight);
    const folded = mapped(weight, (x, i) => x * factors[Math.floor(i / size)]!);
    const [x] = conv.inputs;
    const layer = replace(model, conv, 'Conv', [x, folded, Tensor.of('float', [shift.length], shift)], conv.attributes);
    bypass(model, norm, layer.outputs[0]!);
  };
}

/** The same flaw in whatever is known by channel. */
const each = (n: Normalization, change: (values: readonly number[]) => readonly number[]): Normalization => ({
  ...n,
  scale: change(n.scale),
  bias: change(n.bias),
  mean: change(n.mean),
  variance: change(n.variance),
});

const shifted = (values: readonly number[]) => values.map((_, c) => values[(c + 1) % values.length]!);

const flaws: Readonly<Record<string, (n: Normalization) => Normalization>> = {
  'epsilon-too-large': n => ({ ...n, epsilon: n.epsilon * 100 }),
  'epsilon-lost': n => ({ ...n, epsilon: 0 }),
  'variance-for-deviation': n => ({ ...n, variance: n.variance.map(v => (v + n.epsilon) ** 2 - n.epsilon) }),
  'mean-lost': n => ({ ...n, mean: n.mean.map(() => 0) }),
  'mean-added': n => ({ ...n, mean: n.mean.map(m => -m) }),
  'scale-lost': n => ({ ...n, scale: n.scale.map(() => 1) }),
  'bias-lost': n => ({ ...n, bias: n.bias.map(() => 0) }),
  'bias-is-scaled': n => ({ ...n, bias: n.bias.map((b, c) => (b * n.scale[c]!) / Math.sqrt(n.variance[c]! + n.epsilon)) }),
  'mean-is-not-scaled': n => ({ ...n, mean: n.mean.map((m, c) => (m * Math.sqrt(n.variance[c]! + n.epsilon)) / n.scale[c]!) }),
  'channels-shifted': n => each(n, shifted),
  'two-channels-swapped': n => each(n, ([a, b, ...rest]) => [b!, a!, ...rest]),
  'scale-and-bias-swapped': n => ({ ...n, scale: n.bias, bias: n.scale }),
  'mean-and-bias-swapped': n => ({ ...n, mean: n.bias, bias: n.mean }),
};

/** BatchNormalization: folded into a convolution with wrong numbers, left out, left in training. */
export const normalizationKinds: readonly Kind[] = [
  ...Object.entries(flaws).map(([name, flaw]) =>
    kind(`fold-${name}`, 'plain', 'BatchNormalization', (node, model) => fold(node, model, flaw)),
  ),
  kind('normalization-dropped', 'plain', 'BatchNormalization', (node, model) => () => bypass(model, node, node.inputs[0]!)),
  kind('normalization-epsilon', 'plain', 'BatchNormalization', (node, model) => () => withAttributes(model, node, { epsilon: 1e-3 })),
  kind('normalization-operands-swapped', 'plain', 'BatchNormalization', (node, model) => {
    const [x, scale, bias, mean, variance] = node.inputs;
    return () => replace(model, node, 'BatchNormalization', [x, scale, mean, bias, variance], node.attributes);
  }),
  kind('normalization-in-training', 'plain', 'BatchNormalization', (node, model) =>
    model.opsets.get('')! < 14 ? undefined : () => withAttributes(model, node, { training_mode: 1 }),
  ),
  kind('dead-channel-revived', 'plain', 'BatchNormalization', (node, model) => {
    const [scale, bias] = [constantAt(node, 1), constantAt(node, 2)];
    if (!scale || !bias) return undefined;
    return () => {
      const revived = withOperand(
        model,
        node,
        1,
        mapped(scale, (x, i) => (i === 0 ? 1.5 * x + 0.1 : x)),
      );
      withOperand(
        model,
        revived,
        2,
        mapped(bias, (x, i) => (i === 0 ? x + 0.5 : x)),
      );
    };
  }),
];
