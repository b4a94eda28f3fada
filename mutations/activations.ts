import type { Model } from '../src/ir/model.ts';
import type { Node } from '../src/ir/node.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { become, bypass, constantAt, insert, mapped, onlyUser, slicesReordered, withAttributes, withOperand } from './edit.ts';
import { attributesOf, type Change, type Kind, kind } from './kind.ts';

/** A Max of two operands of which one is a depthwise convolution of the other: the convolution, and which operand it is. */
function funnelAt(max: Node): { readonly conv: Node; readonly index: number } | undefined {
  const index = max.inputs.findIndex((v, i) => v?.producer?.op.name === 'Conv' && v.producer.inputs[0] === max.inputs[1 - i]);
  const conv = max.inputs[index]?.producer;
  return conv && max.inputs.length === 2 ? { conv, index } : undefined;
}

interface Funnel {
  readonly max: Node;
  readonly conv: Node;
  readonly index: number;
}

const funnel = (name: string, change: (f: Funnel, model: Model) => Change) =>
  kind(name, 'funnel', 'Max', (max, model) => {
    const found = funnelAt(max);
    return found && change({ max, ...found }, model);
  });

/** A kind that breaks the convolution of a funnel. */
const condition = (name: string, change: (conv: Node, model: Model) => (() => void) | undefined) =>
  funnel(name, ({ conv }, model) => {
    const apply = change(conv, model);
    return apply && { at: conv, apply };
  });

/** Activations: dropped, exchanged, with other bounds and slopes. */
export const activationKinds: readonly Kind[] = [
  kind(
    'activation-dropped',
    'plain',
    ['Relu', 'Clip', 'PRelu', 'LeakyRelu', 'Max'],
    (node, model) => () => bypass(model, node, node.inputs[0]!),
  ),
  kind('relu-leaks', 'plain', 'Relu', (node, model) => () => become(model, node, 'LeakyRelu', [node.inputs[0]], { alpha: 0.01 })),
  kind('relu-is-bounded', 'plain', 'Relu', (node, model) =>
    model.opsets.get('')! < 11
      ? undefined
      : () => become(model, node, 'Clip', [node.inputs[0], Tensor.of('float', [], [0]), Tensor.of('float', [], [6])]),
  ),
  kind('relu-before-the-sum', 'plain', 'Relu', (node, model) => {
    const sum = node.inputs[0]?.producer;
    if (sum?.op.name !== 'Add' || onlyUser(sum.outputs[0]!) !== node) return undefined;
    return () => {
      const [early] = insert(model, sum, 'Relu', [sum.inputs[0]]).outputs;
      bypass(model, node, withOperand(model, sum, 0, early).outputs[0]!);
    };
  }),
  kind('upper-bound-lost', 'activated', 'Clip', (node, model) => () => become(model, node, 'Relu', [node.inputs[0]])),
  kind('upper-bound-wrong', 'activated', 'Clip', (node, model) => () => withOperand(model, node, 2, Tensor.of('float', [], [5.9]))),
  kind('lower-bound-lost', 'activated', 'Clip', (node, model) => () => withOperand(model, node, 1, undefined)),
  kind('slope-wrong', 'activated', 'LeakyRelu', (node, model) => () => withAttributes(model, node, { alpha: 0.11 })),
  kind('slopes-wrong', 'activated', 'PRelu', (node, model) => otherSlopes(model, node, t => mapped(t, x => 1.01 * x))),
  kind('slopes-shifted', 'activated', 'PRelu', (node, model) =>
    otherSlopes(model, node, t => slicesReordered(t, i => (i + 1) % t.dims[0]!)),
  ),
  kind('slopes-become-one', 'activated', 'PRelu', (node, model) =>
    slopes(node, t => () => become(model, node, 'LeakyRelu', [node.inputs[0]], { alpha: t.numbers()[0]! })),
  ),
  kind('hard-sigmoid-alpha', 'activated', 'HardSigmoid', (node, model) => () => withAttributes(model, node, { alpha: 0.2 })),
  kind('hard-swish-gate-lost', 'activated', 'HardSigmoid', (node, model) => () => become(model, node, 'Relu', [node.inputs[0]])),

  funnel(
    'funnel-min',
    ({ max }, model) =>
      () =>
        become(model, max, 'Min', max.inputs),
  ),
  funnel(
    'funnel-sum',
    ({ max }, model) =>
      () =>
        become(model, max, 'Add', max.inputs),
  ),
  funnel(
    'funnel-is-relu',
    ({ max, index }, model) =>
      () =>
        become(model, max, 'Relu', [max.inputs[1 - index]]),
  ),
  condition('funnel-condition-of-another-value', (conv, model) => {
    const before = conv.inputs[0]?.producer?.inputs[0];
    const [x] = conv.inputs;
    if (!before?.shape || !x?.shape || before.shape.join() !== x.shape.join() || !before.producer) return undefined;
    return () => withOperand(model, conv, 0, before);
  }),
  funnel('funnel-compares-another-value', ({ max, index, conv }, model) => {
    const [other] = conv.inputs[0]?.producer?.inputs ?? [];
    if (!other?.producer || other.shape?.join() !== conv.inputs[0]?.shape?.join()) return undefined;
    return () => withOperand(model, max, 1 - index, other);
  }),
  condition('funnel-padding', (conv, model) => () => withAttributes(model, conv, { pads: [0, 0, 2, 2] })),
  condition('funnel-dilated', (conv, model) => () => withAttributes(model, conv, { dilations: [2, 2], pads: [2, 2, 2, 2] })),
  condition('funnel-kernel-transposed', (conv, model) => {
    const w = constantAt(conv, 1)!;
    return () => withOperand(model, conv, 1, Tensor.of(w.dtype, w.dims, transposed(w)));
  }),
  condition('funnel-channels-shifted', (conv, model) => {
    const w = constantAt(conv, 1)!;
    return () =>
      withOperand(
        model,
        conv,
        1,
        slicesReordered(w, i => (i + 1) % w.dims[0]!),
      );
  }),
  kind('residual-activation-lost', 'residual', 'Relu', (node, model) => () => bypass(model, node, node.inputs[0]!)),
  kind('residual-identity-lost', 'residual', 'Conv', (node, model) => {
    const w = constantAt(node, 1);
    if (w?.dims[1] !== 1 || onlyUser(node.outputs[0]!)?.op.name !== 'Relu' || attributesOf(node, 'Conv').group === 1) return undefined;
    const centre = (w.dims[2]! * w.dims[3]! - 1) / 2;
    return () =>
      withOperand(
        model,
        node,
        1,
        mapped(w, (x, i) => (i % (w.dims[2]! * w.dims[3]!) === centre ? x + 1 : x)),
      );
  }),
];

function slopes(node: Node, change: (t: Tensor) => () => void): (() => void) | undefined {
  const t = constantAt(node, 1);
  return t && t.size > 1 ? change(t) : undefined;
}

const otherSlopes = (model: Model, node: Node, change: (t: Tensor) => Tensor) =>
  slopes(node, t => () => withOperand(model, node, 1, change(t)));

/** Kernels with height and width exchanged. */
export function transposed(w: Tensor): Float64Array {
  const [height, width] = [w.dims[2]!, w.dims[3]!];
  const values = w.numbers();
  return Float64Array.from(values, (_, i) => {
    const kernel = i - (i % (height * width));
    const [row, column] = [Math.floor((i - kernel) / width), (i - kernel) % width];
    return values[kernel + column * width + row]!;
  });
}
