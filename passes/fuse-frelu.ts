import { FRELU, freluAttributes, freluFunction, samePads } from '../src/functions/frelu.ts';
import { imageFacts } from '../src/infer/image.ts';
import { inferMissingTypes } from '../src/infer/types.ts';
import type { Attrs } from '../src/ir/attrs.ts';
import { functionKey } from '../src/ir/model.ts';
import type { Value } from '../src/ir/value.ts';
import type { Arg, Builder } from '../src/rewrite/builder.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, constant, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { Tensor } from '../src/tensor/tensor.ts';

/**
 * Recognises a Funnel Activation spelled out, Max(x, Conv(x)) with a depthwise convolution of the same size, and makes it one call of
 * the function `funnel.FReLU`.
 *
 * It must be one convolution per channel (group = C), with stride 1, an odd window and pads that keep H×W, over the same value that
 * Max compares with. A BatchNormalization between the two is folded first (fold-batch-norm). inline-functions is the way back.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, float[1] b = {1}>
 * {
 *   t = Conv <kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]> (x, w, b)
 *   y = Max (x, t)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17, "funnel" : 1]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, float[1] b = {1}>
 * {
 *   y = funnel.FReLU <dilations: ints = [1, 1], group: int = 1, kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1]> (x, w, b)
 * }
 * <domain: "funnel", opset_import: ["" : 17]>
 * FReLU <dilations, group, kernel_shape, pads> (X, W, B) => (Y) {
 *   T = Conv <dilations: ints = @dilations, group: int = @group, kernel_shape: ints = @kernel_shape, pads: ints = @pads, strides: ints = [1, 1]> (X, W, B)
 *   Y = Max (T, X)
 * }
 * ```
 */
export const fuseFrelu = pass(
  'fuse-frelu',
  'exact',
  [
    rule({
      match: p.Max(any('x'), p.Conv(any('x'), constant('w'), constant('b')).as('conv')),
      rewrite: ({ x, w, b, conv }, op) => fuse(x, w, b, conv.attrs, op),
    }),
    rule({
      match: p.Max(any('x'), p.Conv(any('x'), constant('w')).as('conv')),
      rewrite: ({ x, w, conv }, op) => fuse(x, w, Tensor.fill(w.dtype, w.dims.slice(0, 1), 0), conv.attrs, op),
    }),
  ],
  { prepare: inferMissingTypes, skips: f => functionKey(f) === functionKey(FRELU) },
);

function fuse(x: Value, w: Tensor, bias: Arg, attrs: Attrs<'Conv'>, op: Builder) {
  const [channels = 0, perGroup, ...kernel] = w.dims;
  const image = imageFacts(x);
  if (w.rank !== 4) return op.refuse('E_RANK', `the convolution's weight has rank ${w.rank}`);
  if (attrs.group !== channels || perGroup !== 1)
    return op.refuse('E_FORM', `the convolution is not depthwise: group ${attrs.group}, weight [${w.dims}]`);
  if (image.channels !== undefined && image.channels !== channels)
    return op.refuse('E_FORM', `the weight has ${channels} channels, x ${image.channels}`);
  const { dilations = [1, 1], pads = [0, 0, 0, 0], strides = [1, 1] } = attrs;
  if (strides.some(s => s !== 1)) return op.refuse('E_FORM', `the stride is [${strides}]`);
  if (kernel.some(k => k % 2 === 0)) return op.refuse('E_FORM', `the window [${kernel}] has no centre`);
  const same = samePads({ kernel_shape: kernel, dilations });
  const keeps =
    attrs.auto_pad.startsWith('SAME') ||
    (attrs.auto_pad === 'NOTSET' && pads.every((pad, i) => pad === same[i])) ||
    same.every(s => s === 0);
  if (!keeps) return op.refuse('E_FORM', `pads [${pads}] do not keep the size; [${same}] would`);
  return op.call(freluFunction(op.opset), [x, w, bias], freluAttributes({ group: channels, kernel_shape: kernel, dilations }));
}
