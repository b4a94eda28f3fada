import type { Model } from '../src/ir/model.ts';
import type { Node } from '../src/ir/node.ts';
import type { Value } from '../src/ir/value.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { become, bypass, constantAt, insert, mapped, replace, withAttributes, withOperand } from './edit.ts';
import { attributesOf, type Change, type Kind, kind } from './kind.ts';

/** A kind that breaks a sum of two computed values. */
const sum = (name: string, change: (a: Value, b: Value, node: Node, model: Model) => Change) =>
  kind(name, 'residual', 'Add', (node, model) => {
    const [a, b] = node.inputs;
    return a?.producer && b?.producer && !constantAt(node, 0) && !constantAt(node, 1) ? change(a, b, node, model) : undefined;
  });

/** A number in a vector operand moved by one. */
const offByOne = (name: string, operators: string | string[], index: number, by: number) =>
  kind(name, 'framed', operators, (node, model) => {
    const t = constantAt(node, index);
    return (
      t &&
      (() =>
        withOperand(
          model,
          node,
          index,
          mapped(t, x => x + by),
        ))
    );
  });

const attribute = (name: string, operator: string, attrs: Readonly<Record<string, unknown>>) =>
  kind(name, 'framed', operator, (node, model) => () => withAttributes(model, node, attrs));

/** What is connected to what, and in which order. */
export const topologyKinds: readonly Kind[] = [
  sum('sum-dropped', (a, _, node, model) => () => bypass(model, node, a)),
  sum('sum-of-one-operand-twice', (a, _, node, model) => () => withOperand(model, node, 1, a)),
  sum('sum-is-product', (_a, _b, node, model) => () => become(model, node, 'Mul', node.inputs)),
  sum('sum-is-difference', (_a, _b, node, model) => () => become(model, node, 'Sub', node.inputs)),
  sum('sum-is-maximum', (_a, _b, node, model) => () => become(model, node, 'Max', node.inputs)),
  sum('sum-of-an-earlier-value', (a, b, node, model) => {
    // What the last but one operation made of it, where it has the same shape.
    const earlier = [a, b].map(v => v.producer?.inputs[0]);
    const index = earlier.findIndex((v, i) => v?.producer && v.shape && v.shape.join() === [a, b][i]!.shape?.join());
    return index < 0 ? undefined : () => withOperand(model, node, index, earlier[index]);
  }),
  kind(
    'difference-swapped',
    'framed',
    'Sub',
    (node, model) => () => replace(model, node, 'Sub', [node.inputs[1], node.inputs[0]], node.attributes),
  ),
  kind(
    'quotient-swapped',
    'framed',
    'Div',
    (node, model) => () => replace(model, node, 'Div', [node.inputs[1], node.inputs[0]], node.attributes),
  ),
  kind('concat-swapped', 'framed', 'Concat', (node, model) =>
    isComputed(node) ? () => replace(model, node, 'Concat', [...node.inputs].reverse(), node.attributes) : undefined,
  ),
  kind('concat-of-one-operand-twice', 'framed', 'Concat', (node, model) =>
    isComputed(node) && node.inputs.every(v => v!.shape?.join() === node.inputs[0]!.shape?.join())
      ? () => withOperand(model, node, 1, node.inputs[0])
      : undefined,
  ),
  kind('split-results-swapped', 'framed', 'Split', node => {
    const [a, b] = node.outputs;
    const [use] = a?.uses ?? [];
    if (!a || !b || a.shape?.join() !== b.shape?.join() || use?.kind !== 'operand') return undefined;
    const apply = () => {
      const [usesA, usesB] = [[...a.uses], [...b.uses]];
      for (const use of usesA) if (use.kind === 'operand') use.node.setInput(use.index, b);
      for (const use of usesB) if (use.kind === 'operand') use.node.setInput(use.index, a);
    };
    return { at: use.node, apply };
  }),
  offByOne('slice-starts-late', 'Slice', 1, 1),
  kind('slice-moved', 'framed', 'Slice', (node, model) => {
    const [starts, ends] = [constantAt(node, 1), constantAt(node, 2)];
    // The last elements, counted from the end.
    if (!starts || !ends || ends.numbers()[0] !== -3) return undefined;
    return () =>
      withOperand(
        model,
        withOperand(
          model,
          node,
          1,
          mapped(starts, x => x + 1),
        ),
        2,
        mapped(ends, x => x + 1),
      );
  }),
  kind('shuffle-omitted', 'framed', 'Transpose', (node, model) => {
    const { perm } = attributesOf(node, 'Transpose');
    const next = [...node.outputs[0]!.uses].find(use => use.kind === 'operand');
    if (!perm || next?.kind !== 'operand' || next.node.op.name !== 'Reshape') return undefined;
    return () => bypass(model, node, node.inputs[0]!);
  }),
  kind('transpose-by-another-order', 'framed', 'Transpose', (node, model) => {
    const { perm } = attributesOf(node, 'Transpose');
    return perm && perm.length > 2
      ? () => withAttributes(model, node, { perm: [...perm.slice(0, 1), ...perm.slice(1).reverse()] })
      : undefined;
  }),
  kind('flattened-in-another-order', 'framed', ['Flatten', 'Reshape'], (node, model) => {
    const rank = node.inputs[0]?.shape?.length;
    const perm = rank === 3 ? [0, 2, 1] : rank === 4 ? [0, 2, 3, 1] : undefined;
    return perm && (() => withOperand(model, node, 0, insert(model, node, 'Transpose', [node.inputs[0]], { perm }).outputs[0]));
  }),
  attribute('gemm-weight-not-transposed', 'Gemm', { transB: undefined }),
  attribute('gemm-alpha', 'Gemm', { alpha: 1.01 }),
  attribute('gemm-beta', 'Gemm', { beta: 0.5 }),
  attribute('softmax-axis', 'Softmax', { axis: 1 }),
  attribute('cast-to-float16', 'Cast', { to: 10 }),
  attribute('flatten-axis', 'Flatten', { axis: 0 }),
  attribute('argmax-axis', 'ArgMax', { axis: 0 }),
  kind('cast-through-integers', 'framed', 'Cast', (node, model) => {
    const [next] = node.outputs[0]!.uses;
    return next?.kind === 'operand' && next.node.op.name === 'Cast' ? () => withAttributes(model, node, { to: 7 }) : undefined;
  }),
  kind('constant-folded-wrong', 'framed', 'Mul', (node, model) => {
    const [a, b] = [constantAt(node, 0), constantAt(node, 1)];
    return a && b && (() => become(model, node, 'Identity', [a.add(b).settle()]));
  }),
  kind('dropout-in-training', 'framed', 'Dropout', (node, model) => () => withOperand(model, node, 2, Tensor.of('bool', [], [1]))),
  kind('constant-of-one-channel', 'framed', 'Sub', (node, model) => {
    const t = constantAt(node, 1);
    return t && t.size > 1 ? () => withOperand(model, node, 1, Tensor.of('float', [], [t.numbers()[0]!])) : undefined;
  }),
];

/** Whether a node's operands are images, not pieces of a shape. */
function isComputed({ inputs }: Node): boolean {
  return inputs.length > 1 && inputs.every(v => v?.producer && v.dtype === 'float');
}
