import { reshapedAtOnce, reshapes } from '../src/functions/reshapes.ts';
import { inferTypesForChains } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, either, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Joins two of Reshape, Flatten, Squeeze and Unsqueeze in a row to one, or to none where x has its shape again.
 *
 * None of them touches the elements or their order, so the last shape is all that counts. It must be known without what lies between:
 * a Reshape that copies no size, axes of Squeeze and Unsqueeze, or a shape of which at most one size is open and is no size of x. Where
 * other operators need what lies between too, it goes on being computed for them.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,1,1] x) => (float[N,8] y)
 * <int64[2] axes = {2, 3}, int64[2] shape = {0, -1}>
 * {
 *   t = Squeeze (x, axes)
 *   u = Reshape (t, shape)
 *   y = Flatten (u)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,1,1] x) => (float[N,8] y)
 * <int64[2] y_shape = {-1, 8}>
 * {
 *   y = Reshape (x, y_shape)
 * }
 * ```
 */
export const fuseReshapes = pass(
  'fuse-reshapes',
  'exact',
  reshapes.map(name =>
    rule({
      match: p[name as 'Squeeze'](first()).variadic().as('second'),
      rewrite: ({ x, first, second }, op) => reshapedAtOnce(x, first.node, second.node, op),
    }),
  ),
  { prepare: inferTypesForChains(...reshapes) },
);

function first() {
  const all = reshapes.map(name => p[name as 'Squeeze'](any('x')).variadic().shared().as('first'));
  return either(...all);
}
