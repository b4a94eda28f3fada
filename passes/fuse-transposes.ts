import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Joins two Transposes in a row to one, or to none where the second undoes the first.
 *
 * Axis i of the result is axis q(i) of what lies between, which is axis p(q(i)) of x. Where other operators need what lies between too, it
 * goes on being computed for them.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2,3,4,5] x) => (float[2,5,3,4] y, float[2,3,4,5] z) {
 *   t = Transpose <perm: ints = [0, 2, 3, 1]> (x)
 *   y = Transpose <perm: ints = [0, 2, 3, 1]> (t)
 *   u = Transpose <perm: ints = [0, 3, 1, 2]> (t)
 *   z = Relu (u)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2,3,4,5] x) => (float[2,5,3,4] y, float[2,3,4,5] z) {
 *   y = Transpose <perm: ints = [0, 3, 1, 2]> (x)
 *   z = Relu (x)
 * }
 * ```
 */
export const fuseTransposes = pass(
  'fuse-transposes',
  'exact',
  rule({
    match: p.Transpose(p.Transpose(any('x')).shared().as('first')).as('second'),
    rewrite({ x, first, second }, op) {
      const rank = (first.attrs.perm ?? second.attrs.perm)?.length;
      // Axes reversed, and reversed again.
      if (rank === undefined) return x;
      const reversed = Array.from({ length: rank }, (_, i) => rank - 1 - i);
      const { perm: inner = reversed } = first.attrs;
      const perm = (second.attrs.perm ?? reversed).map(axis => inner[axis]!);
      return perm.every((axis, i) => axis === i) ? x : op.Transpose(x, { perm });
    },
  }),
);
