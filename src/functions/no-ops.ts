import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import { schemaOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import type { OpName } from '../ops/schema.ts';
import { isFloat } from '../tensor/dtype.ts';
import { knownSetting, operandOf, settingOf } from './operands.ts';
import { broadcastsInto, sameShape, sureDtype } from './shapes.ts';
import { TO_THE_END } from './slices.ts';

/** Constants above this many bytes are not looked through for ones and zeros. */
const LARGEST_READ = 1 << 20;

/** The value that a node's first result surely equals; undefined where it computes something. */
type Equal = (node: Node) => Value | undefined;

const data = (node: Node) => node.inputs[0];
const when =
  (test: (node: Node) => boolean): Equal =>
  node =>
    test(node) ? data(node) : undefined;
const all = (list: readonly number[] | undefined, wanted: number) => list?.every(x => x === wanted) ?? false;
/** Absent, or all so. */
const unless = (list: readonly number[] | undefined, wanted: number) => list === undefined || all(list, wanted);
const keepsShape = (node: Node) => sameShape(data(node), node.outputs[0]);

/** Whether a value is a constant of nothing but `x`. */
export function isFull(value: Value | undefined, x: number): boolean {
  const tensor = constantOf(value);
  if (!tensor || (tensor.byteLength ?? Number.POSITIVE_INFINITY) > LARGEST_READ) return false;
  const numbers = tensor.numbers();
  for (let i = 0; i < numbers.length; i++) if (numbers[i] !== x) return false;
  return true;
}

/** The element that leaves the left operand of an operator as it is. */
export const neutralElements: Readonly<Partial<Record<OpName, number>>> = {
  Add: 0,
  And: 1,
  BitShift: 0,
  BitwiseOr: 0,
  BitwiseXor: 0,
  Div: 1,
  Mul: 1,
  Or: 0,
  Pow: 1,
  Sub: 0,
  Xor: 0,
};

/** x ∘ e = x, and e ∘ x = x where the operation commutes, if e does not stretch x. */
function besidesNeutral({ op, inputs: [a, b] }: Node): Value | undefined {
  const e = neutralElements[op.name as OpName]!;
  if (isFull(b, e) && broadcastsInto(a, constantOf(b)!.dims)) return a;
  return schemaOf(op)?.commutes && isFull(a, e) && broadcastsInto(b, constantOf(a)!.dims) ? b : undefined;
}

const single = when(node => node.inputs.length === 1);
const repeated: Equal = node =>
  data(node)?.producer?.op.name === node.op.name && data(node)?.producer?.op.domain === '' ? data(node) : undefined;
const undone: Equal = node => (repeated(node) ? data(node)!.producer!.inputs[0] : undefined);
const view = when(keepsShape);
/** Of one element. */
const reduction = when(node => {
  const { keepdims, noop_with_empty_axes } = attrsOf(node, 'ReduceSum');
  const axes = settingOf(node, 'axes');
  if (noop_with_empty_axes === 1 && (axes === undefined || axes.length === 0)) return true;
  return keepdims === 1 && keepsShape(node);
});
const pool = when(node => {
  const { kernel_shape, pads, strides } = attrsOf(node, 'MaxPool');
  return all(kernel_shape, 1) && unless(pads, 0) && unless(strides, 1);
});

/** Operators that may do nothing, and the operand that they hand on then. */
export const noOps: Readonly<Partial<Record<OpName, Equal>>> = {
  ...Object.fromEntries(Object.keys(neutralElements).map(name => [name, besidesNeutral])),
  Abs: repeated,
  AveragePool: pool,
  BitwiseNot: undone,
  Cast: when(node => sureDtype(data(node)) !== undefined && sureDtype(data(node)) === sureDtype(node.outputs[0])),
  CastLike: when(node => sureDtype(data(node)) !== undefined && sureDtype(data(node)) === sureDtype(node.inputs[1])),
  Ceil: repeated,
  Clip: when(unbounded),
  Concat: single,
  DepthToSpace: when(node => attrsOf(node, 'DepthToSpace').blocksize === 1),
  Expand: when(node => keepsShape(node) || broadcastsInto(data(node), knownSetting(node, 'shape'))),
  Flatten: when(node => keepsShape(node) || ([1, -1].includes(attrsOf(node, 'Flatten').axis) && isMatrix(data(node)))),
  Floor: repeated,
  GlobalAveragePool: view,
  GlobalMaxPool: view,
  Max: single,
  MaxPool: pool,
  Mean: single,
  Min: single,
  Neg: undone,
  Not: undone,
  Pad: when(node => all(knownSetting(node, 'pads'), 0)),
  ReduceMax: reduction,
  ReduceMean: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  ReduceSum: reduction,
  Reshape: when(node => keepsShape(node) || keepsEachSize(node)),
  Resize: when(keepsEachPixel),
  Round: repeated,
  Sign: repeated,
  Slice: when(takesAll),
  SpaceToDepth: when(node => attrsOf(node, 'SpaceToDepth').blocksize === 1),
  Split: when(node => node.outputs.length === 1),
  // Runtimes differ on what no axes at all mean.
  Squeeze: when(node => keepsShape(node) && knownSetting(node, 'axes')?.length !== 0),
  Sum: single,
  Tile: when(node => all(knownSetting(node, 'repeats'), 1)),
  Transpose: when(node => attrsOf(node, 'Transpose').perm?.every((axis, i) => axis === i) ?? data(node)?.sureShape?.length === 1),
  Unsqueeze: view,
  Upsample: when(node => all(knownSetting(node, 'scales'), 1)),
  Where: chosen,
};

const isMatrix = (value: Value | undefined) =>
  value?.sureShape?.length === 2 || (value?.producer?.op.name === 'Flatten' && value.producer.op.domain === '');

/** Of floats an absent bound is one: the largest number, where infinity is not. */
function unbounded(node: Node): boolean {
  const [low, high] = [settingOf(node, 'min'), settingOf(node, 'max')];
  const dtype = sureDtype(data(node));
  if (low === undefined && high === undefined && dtype !== undefined) return !isFloat(dtype);
  return low?.[0] === Number.NEGATIVE_INFINITY && high?.[0] === Number.POSITIVE_INFINITY;
}

/** Whether a Reshape names each dimension as it is; one may be left to compute. */
function keepsEachSize(node: Node): boolean {
  const shape = data(node)?.sureShape;
  const sizes = knownSetting(node, 'shape');
  const copied = attrsOf(node, 'Reshape').allowzero === 1 ? undefined : 0;
  return (
    shape !== undefined &&
    shape.length === sizes?.length &&
    sizes.filter(d => d === -1).length <= 1 &&
    sizes.every((d, i) => d === -1 || d === copied || d === shape[i])
  );
}

function takesAll(node: Node): boolean {
  const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map(name => settingOf(node, name));
  if (starts === 'computed' || ends === 'computed' || axes === 'computed' || steps === 'computed' || !starts || !ends) return false;
  if (steps?.some(s => s < 1)) return false;
  const shape = data(node)?.sureShape;
  const size = (i: number) => shape?.[((axes?.[i] ?? i) + shape.length) % shape.length];
  const isWhole = (end: number, i: number) => {
    const d = size(i);
    return end >= TO_THE_END || (typeof d === 'number' && end >= d);
  };
  return keepsShape(node) || (all(starts, 0) && unless(steps, 1) && ends.every(isWhole));
}

/** Where each pixel lands on itself, whatever the interpolation. */
const exactCoordinates: ReadonlySet<string | undefined> = new Set([
  undefined,
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
]);

function keepsEachPixel(node: Node): boolean {
  const { coordinate_transformation_mode: mode, antialias, keep_aspect_ratio_policy: policy } = attrsOf(node, 'Resize');
  if (!exactCoordinates.has(mode) || antialias === 1) return false;
  const scales = settingOf(node, 'scales');
  if (scales !== undefined && scales.length > 0) return scales !== 'computed' && all(scales, 1);
  return operandOf(node, 'sizes') !== undefined && (policy ?? 'stretch') === 'stretch' && keepsShape(node);
}

/** The side that a constant condition always takes, if the other one does not stretch it. */
function chosen({ inputs: [condition, x, y] }: Node): Value | undefined {
  const [taken, other] = isFull(condition, 1) ? [x, y] : isFull(condition, 0) ? [y, x] : [];
  const dims = constantOf(other)?.dims ?? other?.sureShape;
  return taken && broadcastsInto(taken, dims) && broadcastsInto(taken, constantOf(condition)!.dims) ? taken : undefined;
}
