import { formOf, writeFunnel } from '../src/functions/forms.ts';
import { isFunnelFunction } from '../src/functions/frelu.ts';
import { funnelPatterns } from '../src/functions/recognise.ts';
import { shuffled, shuffleOf } from '../src/functions/shuffle.ts';
import { prepareFunnels } from '../src/infer/funnels.ts';
import { attrsOf } from '../src/ir/attrs.ts';
import type { Use, Value } from '../src/ir/value.ts';
import { pass } from '../src/rewrite/pass.ts';
import { constant, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Moves a Funnel Activation behind the channel shuffle that follows it, where depthwise convolutions take the shuffled image.
 *
 * T looks at each channel alone: max(x, T(x)) shuffled is max(x', T'(x')), x' the shuffled x and T' the windows of T, shuffled. ONNX
 * Runtime's CPU provider computes depthwise convolutions in a blocked layout of channels, which a shuffle needs undone. Beside a depthwise
 * convolution T shares the blocks with it: the image is laid out anew once and not three times.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,4,2,2] x, float[4,1,3,3] k) => (float[1,4,2,2] y)
 * <float[4,1,1,1] w = {0.1, 0.2, 0.3, 0.4}, float[4] b = {1, 2, 3, 4}, int64[5] rows = {1, 2, 2, 2, 2}, int64[4] image = {1, 4, 2, 2}>
 * {
 *   t = Conv <group: int = 4> (x, w, b)
 *   f = Max (t, x)
 *   r = Reshape (f, rows)
 *   c = Transpose <perm: ints = [0, 2, 1, 3, 4]> (r)
 *   s = Reshape (c, image)
 *   y = Conv <group: int = 4, pads: ints = [1, 1, 1, 1]> (s, k)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,4,2,2] x, float[4,1,3,3] k) => (float[1,4,2,2] y)
 * <
 *   int64[5] rows = {1, 2, 2, 2, 2},
 *   int64[4] image = {1, 4, 2, 2},
 *   float[4,1,1,1] s_W = {0.1, 0.3, 0.2, 0.4},
 *   float[4] s_B = {1, 3, 2, 4}
 * >
 * {
 *   s_Reshape = Reshape (x, rows)
 *   s_Transpose = Transpose <perm: ints = [0, 2, 1, 3, 4]> (s_Reshape)
 *   s_Reshape_1 = Reshape (s_Transpose, image)
 *   s_T = Conv <dilations: ints = [1, 1], group: int = 4, kernel_shape: ints = [1, 1], pads: ints = [0, 0, 0, 0], strides: ints = [1, 1]> (s_Reshape_1, s_W, s_B)
 *   s = Max (s_T, s_Reshape_1)
 *   y = Conv <group: int = 4, pads: ints = [1, 1, 1, 1]> (s, k)
 * }
 * ```
 */
export const freluAfterShuffle = pass(
  'frelu-after-shuffle',
  'exact',
  funnelPatterns.map(funnelPattern =>
    rule({
      match: p.Reshape(p.Transpose(p.Reshape(funnelPattern, constant('rows')).as('split')).as('columns'), constant('image')).as('shuffle'),
      rewrite({ funnel, rows, split, columns, image, shuffle: { node, attrs } }, op) {
        const { x, last, conditions } = funnel;
        const [y] = node.outputs as [Value];
        const form = funnel.nodes[0]!.op.domain === '' ? (formOf(funnel) ?? 'max') : 'fused';
        const shuffle = last ? undefined : shuffleOf(x, y);
        if (!shuffle || form === 'trainable' || ![...y.uses].every(use => isDepthwise(use, shuffle.channels))) return undefined;
        const moved = op.Reshape(op.Transpose(op.Reshape(x, rows, split.attrs), columns.attrs), image, attrs);
        return writeFunnel({ ...funnel, x: moved, conditions: conditions.map(map => shuffled(map, shuffle)) }, form, op);
      },
    }),
  ),
  { prepare: prepareFunnels, skips: isFunnelFunction },
);

/** Whether a depthwise convolution takes a value as its image. */
function isDepthwise(use: Use, channels: number): boolean {
  if (use.kind !== 'operand' || use.index !== 0 || use.node.op.name !== 'Conv' || use.node.op.domain !== '') return false;
  return attrsOf(use.node, 'Conv').group === channels && use.node.inputs[1]?.shape?.[0] === channels;
}
