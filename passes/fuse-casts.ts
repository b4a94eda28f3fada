import { sureDtype } from '../src/functions/shapes.ts';
import { inferTypesForChains } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { type DType, dtypeOfCode, holds, isInteger } from '../src/tensor/dtype.ts';

/**
 * Joins two Casts in a row to one, or to none where the second leads back, if the first loses nothing.
 *
 * A type that holds every value of x's type hands on the very number, so the second Cast rounds that, once. Not where integers pass
 * through floats to integers that do not hold them, and not from floats to integers: what is out of range then is nobody's promise.
 * Where other operators need what lies between too, it goes on being computed for them.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float16[2] x, uint8[2] n) => (double[2] y, float16[2] z, int64[2] m) {
 *   a = Cast <to: int = 1> (x)
 *   y = Cast <to: int = 11> (a)
 *   b = Cast <to: int = 10> (a)
 *   z = Relu (b)
 *   c = Cast <to: int = 6> (n)
 *   m = Cast <to: int = 7> (c)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float16[2] x, uint8[2] n) => (double[2] y, float16[2] z, int64[2] m) {
 *   y = Cast <to: int = 11> (x)
 *   z = Relu (x)
 *   m = Cast <to: int = 7> (n)
 * }
 * ```
 */
export const fuseCasts = pass(
  'fuse-casts',
  'exact',
  rule({
    match: p.Cast(p.Cast(any('x')).shared().as('first')).as('second'),
    rewrite({ x, first, second }, op) {
      const [from, between, to] = [sureDtype(x), targetOf(first.attrs.to), targetOf(second.attrs.to)];
      if (!from || !between || !to || !holds(between, from)) return undefined;
      if (to === from) return x;
      return passesOn(from, between, to) ? op.Cast(x, second.attrs) : undefined;
    },
  }),
  { prepare: inferTypesForChains('Cast') },
);

/** The type that an attribute names: before operator set 6 in a word. */
const targetOf = (to: unknown) => (typeof to === 'number' ? dtypeOfCode(to) : undefined);

/** Whether a number of type `from` surely becomes the same of type `to`, with or without the type between. */
function passesOn(from: DType, between: DType, to: DType): boolean {
  if (to === 'bool' || ['float', 'float16', 'bfloat16', 'double'].includes(to)) return true;
  return holds(to, from) || [from, between, to].every(isInteger);
}
