import { slicedAtOnce } from '../src/functions/slices.ts';
import { inferTypesForChains } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Joins two Slices in a row to one, of different axes or of the same.
 *
 * Along an axis the first takes elements a, a + s, … before b, the second elements c, c + t, … before d of these: together
 * a + s·c, a + s·(c + t), … before both b and a + s·(d − 1) + 1. Indices that count from the end need a size that is known; Slices that
 * turn the order round stay.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,3,8,8] x) => (float[1,3,4,3] y)
 * <int64[1] one = {1}, int64[1] two = {2}, int64[1] seven = {7}, int64[1] end = {9223372036854775807}, int64[1] h = {2}, int64[1] w = {3}>
 * {
 *   a = Slice (x, one, end, h, two)
 *   b = Slice (a, one, end, w, two)
 *   y = Slice (b, one, seven, w)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,3,8,8] x) => (float[1,3,4,3] y)
 * <int64[2] y_starts = {1, 3}, int64[2] y_ends = {9223372036854775807, 14}, int64[2] y_axes = {2, 3}, int64[2] y_steps = {2, 2}>
 * {
 *   y = Slice (x, y_starts, y_ends, y_axes, y_steps)
 * }
 * ```
 */
export const fuseSlices = pass(
  'fuse-slices',
  'exact',
  rule({
    match: p
      .Slice(p.Slice(any('x')).variadic().as('first'))
      .variadic()
      .as('second'),
    rewrite: ({ x, first, second }, op) => slicedAtOnce(x, first.node, second.node, op),
  }),
  { prepare: inferTypesForChains('Slice') },
);
