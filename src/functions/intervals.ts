import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { type OpName, operatorAt } from '../ops/schema.ts';
import type { Builder } from '../rewrite/builder.ts';
import { type DType, isFloat, largest } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import { operandOf, settingOf } from './operands.ts';
import { broadcastsInto, sureDtype } from './shapes.ts';

/** Operators that may bound their operand by two numbers. */
export const bounding = ['Clip', 'Max', 'Min', 'Relu'] as const satisfies readonly OpName[];

/** min(max(x, low), high), low at most high. */
interface Interval {
  readonly x: Value;
  readonly low: number;
  readonly high: number;
  /** Where the numbers come from, as far as they are constants. */
  readonly constants: readonly Value[];
  readonly dtype: DType | undefined;
}

/** What a node bounds, and by which numbers; undefined where it does something else, or the numbers are not known. */
function intervalOf(node: Node): Interval | undefined {
  const [x] = node.inputs;
  if (!x || node.op.domain !== '') return undefined;
  switch (node.op.name as (typeof bounding)[number]) {
    case 'Relu':
      return { x, low: 0, high: Number.POSITIVE_INFINITY, constants: [], dtype: sureDtype(x) };
    case 'Clip':
      return clipped(node, x);
    case 'Max':
      return besides(node, low => ({ low, high: Number.POSITIVE_INFINITY }));
    case 'Min':
      return besides(node, high => ({ low: Number.NEGATIVE_INFINITY, high }));
    default:
      return undefined;
  }
}

/** A bound that a Clip of floats is not given is the largest number of the type, which infinity is not. */
function clipped(node: Node, x: Value): Interval | undefined {
  const constants = ['min', 'max'].flatMap(name => operandOf(node, name) ?? []);
  const dtype = sureDtype(x) ?? constantOf(constants[0])?.dtype;
  const attrs = attrsOf(node, 'Clip');
  const most = dtype && (isFloat(dtype) ? largest(dtype) : Number.POSITIVE_INFINITY);
  const [low, high] = [bound(node, 'min') ?? attrs.min ?? (most && -most), bound(node, 'max') ?? attrs.max ?? most];
  if (low === undefined || high === undefined || !isExact(low, dtype) || !isExact(high, dtype)) return undefined;
  return { x, low: Math.min(low, high), high, constants, dtype };
}

/** Where it is computed, or of more than one element, it is no number. */
function bound(node: Node, name: string): number | undefined {
  const setting = settingOf(node, name);
  return setting === undefined ? undefined : setting !== 'computed' && setting.length === 1 ? setting[0]! : Number.NaN;
}

/** Large integers are no numbers of JavaScript's. */
function isExact(x: number, dtype: DType | undefined): boolean {
  return !Number.isNaN(x) && ((dtype !== undefined && isFloat(dtype)) || !Number.isFinite(x) || Math.abs(x) <= Number.MAX_SAFE_INTEGER);
}

/** Max or Min of x and one number. */
function besides({ inputs }: Node, interval: (c: number) => Pick<Interval, 'low' | 'high'>): Interval | undefined {
  const constant = inputs.find(v => constantOf(v)?.size === 1);
  const tensor = constantOf(constant);
  const x = inputs.find(v => v !== constant);
  if (!constant || !tensor || !x || inputs.length !== 2 || !broadcastsInto(x, tensor.dims)) return undefined;
  const c = tensor.numbers()[0]!;
  return isExact(c, tensor.dtype) ? { x, ...interval(c), constants: [constant], dtype: tensor.dtype } : undefined;
}

/** Two nodes in a row that bound, inner first, and what they do together: clamping is monotone, so it is clamping to the inner bounds clamped. */
interface Chain {
  readonly inner: Interval;
  readonly outer: Interval;
  readonly low: number;
  readonly high: number;
}

function chainOf(node: Node): Chain | undefined {
  const outer = intervalOf(node);
  const inner = outer?.x.producer && intervalOf(outer.x.producer);
  if (!outer || !inner) return undefined;
  const clamp = (v: number) => Math.min(Math.max(v, outer.low), outer.high);
  return { inner, outer, low: clamp(inner.low), high: clamp(inner.high) };
}

/** The operand of a node that bounds it no further than it is. */
export function boundedBefore(node: Node): Value | undefined {
  const chain = chainOf(node);
  return chain && chain.low === chain.inner.low && chain.high === chain.inner.high ? chain.outer.x : undefined;
}

/** The node before this one, where the two together can be one. */
export function boundedTwice(node: Node): Node[] {
  const producer = chainOf(node)?.outer.x.producer;
  return producer && !boundedBefore(node) ? [producer] : [];
}

/** A node that bounds, and the one before it, as one: Relu, Max or Min with a constant, or Clip. */
export function boundedAtOnce(node: Node, op: Builder): Value | undefined {
  const chain = chainOf(node);
  if (!chain) return undefined;
  const { inner, outer, low, high } = chain;
  const dtype = inner.dtype ?? outer.dtype;
  const constants = [...outer.constants, ...inner.constants];
  const number = (c: number) =>
    constants.find(v => constantOf(v)?.rank === 0 && constantOf(v)?.numbers()[0] === c) ?? (dtype && Tensor.fill(dtype, [], c));
  const can = (name: OpName) => dtype !== undefined && operatorAt('', name, op.opset)?.dtypes.has(dtype) === true;
  if (high === Number.POSITIVE_INFINITY && low === 0 && can('Relu')) return op.Relu(inner.x);
  // Before operator set 8 the operands of Max and Min have one shape.
  if (high === Number.POSITIVE_INFINITY) return op.opset >= 8 && can('Max') ? op.Max(inner.x, number(low)!) : undefined;
  if (low === Number.NEGATIVE_INFINITY) return op.opset >= 8 && can('Min') ? op.Min(inner.x, number(high)!) : undefined;
  if (op.opset < 11)
    return isAttribute(low) && isAttribute(high) ? op.Clip(inner.x, undefined, undefined, { min: low, max: high }) : undefined;
  if (!can('Clip')) return undefined;
  const most = isFloat(dtype!) ? largest(dtype!) : undefined;
  return op.Clip(inner.x, low === -(most ?? Number.NaN) ? undefined : number(low), high === most ? undefined : number(high));
}

/** Attributes are floats. */
const isAttribute = (x: number) => Math.fround(x) === x;
