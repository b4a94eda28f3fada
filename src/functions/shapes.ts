import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Dim, Value } from '../ir/value.ts';
import { type DType, dtypeOfCode } from '../tensor/dtype.ts';

/** The element type, where it can be relied on: of a result as inferred, or as a Cast says. A file may declare anything of a result. */
export function sureDtype(value: Value | undefined): DType | undefined {
  if (!value?.producer) return value?.dtype;
  const known = value.inferred?.dtype ?? constantOf(value)?.dtype;
  if (known !== undefined || value.producer.op.name !== 'Cast' || value.producer.op.domain !== '') return known;
  const to: unknown = attrsOf(value.producer, 'Cast').to;
  // Before operator set 6 it is a name.
  return typeof to === 'number' ? dtypeOfCode(to) : undefined;
}

/** Whether two dimensions are surely the same: sizes, or symbols. */
export const sameDim = (a: Dim, b: Dim): boolean => a !== undefined && a === b;

/** Whether two values surely have the same shape. */
export function sameShape(a: Value | undefined, b: Value | undefined): boolean {
  const [x, y] = [a?.sureShape, b?.sureShape];
  return x !== undefined && x.length === y?.length && x.every((d, i) => sameDim(d, y[i]));
}

/** Whether broadcasting x with a value of shape `dims` surely leaves x's shape alone. */
export function broadcastsInto(x: Value | undefined, dims: readonly Dim[] | undefined): boolean {
  if (dims?.length === 0) return true;
  const shape = x?.sureShape;
  const lead = (shape?.length ?? 0) - (dims?.length ?? 0);
  return shape !== undefined && dims !== undefined && lead >= 0 && dims.every((d, i) => d === 1 || sameDim(d, shape[lead + i]));
}

/** Axes as indices from 0 on; undefined where a negative one counts from a rank that is not known. */
export function fromZero(axes: readonly number[], rank: number | undefined): number[] | undefined {
  if (rank === undefined && axes.some(a => a < 0)) return undefined;
  return axes.map(a => (a < 0 ? a + rank! : a));
}
