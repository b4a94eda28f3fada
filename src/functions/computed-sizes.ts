import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { knownSetting } from './operands.ts';
import { sameDim } from './shapes.ts';

/**
 * What a Reshape may be told instead of sizes that a Concat puts together from constants and computed numbers: 0 for a size of x itself
 * that stays in its place, -1 for the only other number, which follows from all the rest. Undefined where that does not say it.
 */
export function constantSizes(reshape: Node): number[] | undefined {
  const [x, shape] = reshape.inputs;
  const concat = shape?.producer;
  if (!x || concat?.op.name !== 'Concat' || concat.op.domain !== '' || attrsOf(reshape, 'Reshape').allowzero === 1) return undefined;
  const sizes: (number | 'open')[] = [];
  for (const part of concat.inputs) {
    const known = constantOf(part);
    if (known) sizes.push(...Array.from(known.numbers()));
    else if (part && isSizeOf(part, x, sizes.length)) sizes.push(0);
    else if (part && isSingle(part)) sizes.push('open');
    else return undefined;
  }
  const open = sizes.filter(d => d === 'open').length;
  // With an empty x a size beside -1 that is copied would leave open what -1 is.
  if (open > 1 || (open === 1 && sizes.some(d => d !== 'open' && d <= 0))) return undefined;
  return sizes.map(d => (d === 'open' ? -1 : d));
}

/** The node behind views of one number. */
function origin(value: Value): Node | undefined {
  const node = value.producer;
  const isView = node?.op.domain === '' && ['Identity', 'Reshape', 'Squeeze', 'Unsqueeze'].includes(node.op.name);
  return isView && node.inputs[0] ? origin(node.inputs[0]) : node;
}

/** Whether a value is one number for sure. */
function isSingle(value: Value): boolean {
  const shape = value.sureShape;
  return shape?.length === 1 && shape[0] === 1;
}

/** Whether a value is the size of x along an axis, whatever that is. */
function isSizeOf(value: Value, x: Value, axis: number): boolean {
  const node = isSingle(value) ? origin(value) : undefined;
  const whole = node?.inputs[0]?.producer;
  if (node?.op.domain !== '' || whole?.op.domain !== '' || whole.op.name !== 'Shape') return false;
  const { start = 0 } = attrsOf(whole, 'Shape');
  const of = whole.inputs[0]!;
  const index = indexOf(node);
  if (index === undefined || index < 0 || start < 0) return false;
  return (of === x && index + start === axis) || sameDim(of.sureShape?.[index + start], x.sureShape?.[axis]);
}

/** Which element a Gather or a Slice takes, where it takes one. */
function indexOf(node: Node): number | undefined {
  if (node.op.name === 'Gather') {
    const at = constantOf(node.inputs[1]);
    return at?.size === 1 && attrsOf(node, 'Gather').axis === 0 ? at.numbers()[0] : undefined;
  }
  return node.op.name === 'Slice' ? knownSetting(node, 'starts')?.[0] : undefined;
}
