import { knownSetting } from '../src/functions/operands.ts';
import type { Node } from '../src/ir/node.ts';
import type { Value } from '../src/ir/value.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, either, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/** Operators that reduce axes to one element each, which they keep or drop. */
const reductions = [
  ...(['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd'] as const),
  ...(['ReduceSum', 'ReduceSumSquare', 'ArgMax', 'ArgMin'] as const),
];

/**
 * Lets a reduction keep the axes that an Unsqueeze puts back after it, or drop the axes that a Squeeze takes away.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,4,4] x) => (float[N,8,1,1] y, float[N,8] z)
 * <int64[2] axes = {2, 3}>
 * {
 *   a = ReduceMean <axes: ints = [3, 2], keepdims: int = 0> (x)
 *   y = Unsqueeze (a, axes)
 *   b = ReduceSum (x, axes)
 *   z = Squeeze (b, axes)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,4,4] x) => (float[N,8,1,1] y, float[N,8] z)
 * <int64[2] axes = {2, 3}>
 * {
 *   y = ReduceMean <axes: ints = [3, 2]> (x)
 *   z = ReduceSum <keepdims: int = 0> (x, axes)
 * }
 * ```
 */
export const fuseReductions = pass(
  'fuse-reductions',
  'exact',
  (['Squeeze', 'Unsqueeze'] as const).map(name =>
    rule({
      match: p[name as 'Squeeze'](either(...reductions.map(r => p[r as 'ReduceSum'](any()).variadic().as('reduction'))))
        .variadic()
        .as('view'),
      rewrite({ reduction: { node, attrs }, view }, op) {
        const keepdims = name === 'Unsqueeze' ? 1 : 0;
        const [reduced, viewed] = [axesOf(node), axesOf(view.node)];
        if (reduced === undefined || reduced !== viewed || attrs.keepdims === keepdims) return undefined;
        const [x, axes] = node.inputs as [Value, Value?];
        return op[node.op.name as 'ReduceSum'](x, axes, { ...attrs, keepdims });
      },
    }),
  ),
);

/** Axes in one spelling, whatever their order. Both count them in the rank of what is reduced. */
function axesOf(node: Node): string | undefined {
  const axes = knownSetting(node, 'axes') ?? knownSetting(node, 'axis');
  return axes && axes.length > 0 ? [...axes].sort((a, b) => a - b).join() : undefined;
}
