import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import type { Builder } from '../rewrite/builder.ts';
import { applyTo, knownSetting } from './operands.ts';
import { sameDim, sameShape } from './shapes.ts';

/** Operators that give x another shape and nothing else: two of them in a row are one of them. */
export const reshapes = ['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze'] as const;

/**
 * The result of `second`, which reshapes the result of `first`, which reshapes x, computed from x; undefined where that takes sizes
 * that are not known.
 */
export function reshapedAtOnce(x: Value, first: Node, second: Node, op: Builder): Value | undefined {
  const y = second.outputs[0]!;
  if (sameShape(x, y)) return x;
  const known = undone(x, first, second) ?? sizesAtOnce(x, first, second, op);
  // Where the first stays, nothing is won by a constant for a new shape.
  if (known || first.outputs[0]!.uses.size > 1) return known;
  const axes = axesAtOnce(x, first, second, op);
  if (axes || op.opset < 5) return axes;
  const shape = shapeFrom(x, y);
  return shape && applyTo('Reshape', x, { shape }, op);
}

/** A Reshape of x to the same sizes; what the second copies of the first's result must be what it would copy of x. */
function sizesAtOnce(x: Value, first: Node, second: Node, op: Builder): Value | undefined {
  const sizes = second.op.name === 'Reshape' ? second.inputs[1] : undefined;
  if (!sizes) return undefined;
  const attrs = attrsOf(second, 'Reshape');
  const copies = constantOf(sizes) ? Array.from(constantOf(sizes)!.numbers(), (d, i) => d !== 0 || leavesAxis(x, first, i)) : [false];
  return attrs.allowzero === 1 || copies.every(isSame => isSame) ? op.Reshape(x, sizes, attrs) : undefined;
}

/** Whether the result of `node`, which reshapes x, surely has x's size along an axis. */
function leavesAxis(x: Value, node: Node, axis: number): boolean {
  if (sameDim(x.sureShape?.[axis], node.outputs[0]!.sureShape?.[axis])) return true;
  if (node.op.name === 'Reshape') return attrsOf(node, 'Reshape').allowzero !== 1 && knownSetting(node, 'shape')?.[axis] === 0;
  return axesOf(node)?.every(a => a > axis) ?? false;
}

/** The shape of y as a Reshape of x is told it: sizes, and 0 for one that is x's at this place, or -1 for the only one that is open. */
function shapeFrom(x: Value, y: Value): number[] | undefined {
  const [from, to = []] = [x.sureShape, y.sureShape];
  const isOnly = to.filter(d => typeof d !== 'number').length === 1;
  const shape = to.map((d, i) => (typeof d === 'number' ? d : isOnly ? -1 : sameDim(d, from?.[i]) ? 0 : undefined));
  return to.length > 0 && !to.includes(0) && shape.every(d => d !== undefined) ? shape : undefined;
}

/** The axes of a Squeeze or Unsqueeze; none stand for all that a Squeeze finds. */
function axesOf(node: Node): readonly number[] | undefined {
  const axes = knownSetting(node, 'axes');
  return axes && axes.length > 0 ? axes : undefined;
}

/** x, where an Unsqueeze is squeezed again, or the other way round. */
function undone(x: Value, first: Node, second: Node): Value | undefined {
  const [inner, outer] = [axesOf(first), axesOf(second)];
  return first.op.name !== second.op.name && inner && outer && sorted(inner).join() === sorted(outer).join() ? x : undefined;
}

/** Two Squeezes, or two Unsqueezes, as one. */
function axesAtOnce(x: Value, first: Node, second: Node, op: Builder): Value | undefined {
  const [inner, outer] = [axesOf(first), axesOf(second)];
  if (first.op.name !== second.op.name || !inner || !outer || [...inner, ...outer].some(a => a < 0)) return undefined;
  // Squeezed: an axis of the result of the first is one that the first leaves of x. Unsqueezed: the other way round.
  if (first.op.name === 'Squeeze') return applyTo('Squeeze', x, { axes: sorted([...inner, ...outer.map(a => left(inner, a))]) }, op);
  return applyTo('Unsqueeze', x, { axes: sorted([...outer, ...inner.map(a => left(outer, a))]) }, op);
}

const sorted = (axes: readonly number[]) => [...axes].sort((a, b) => a - b);

/** The axis that is number `index` of those left when `taken` are taken out. */
function left(taken: readonly number[], index: number): number {
  let axis = 0;
  for (let i = index; ; axis++) if (!taken.includes(axis) && i-- === 0) return axis;
}
