import { paddedAtOnce } from '../src/functions/padding.ts';
import { inferTypesForChains } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Joins two Pads in a row to one that pads by the sum, if both fill with the same constant, or both repeat the edge.
 *
 * Not where one crops: what it takes away the other would bring back.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,2,3] x) => (float[2,6,5] y)
 * <int64[6] a = {0, 1, 0, 0, 2, 0}, int64[6] b = {1, 1, 2, 0, 0, 0}, float zero = {0}>
 * {
 *   t = Pad (x, a)
 *   y = Pad (t, b, zero)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,2,3] x) => (float[2,6,5] y)
 * <float zero = {0}, int64[6] y_pads = {1, 2, 2, 0, 2, 0}>
 * {
 *   y = Pad (x, y_pads, zero)
 * }
 * ```
 */
export const fusePads = pass(
  'fuse-pads',
  'exact',
  rule({
    match: p
      .Pad(p.Pad(any('x')).variadic().as('first'))
      .variadic()
      .as('second'),
    rewrite: ({ x, first, second }, op) => paddedAtOnce(x, first, second, op),
  }),
  { prepare: inferTypesForChains('Pad') },
);
