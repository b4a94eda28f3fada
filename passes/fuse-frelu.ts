import { writeFunnel } from '../src/functions/forms.ts';
import { isFunnelFunction } from '../src/functions/frelu.ts';
import { writeQuantised } from '../src/functions/quantised.ts';
import { roots, spelledFunnel } from '../src/functions/recognise.ts';
import { quantisedFunnel, quantisedRoots } from '../src/functions/recognise-quantised.ts';
import { prepareFunnels } from '../src/infer/funnels.ts';
import { pass } from '../src/rewrite/pass.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Recognises a Funnel Activation spelled out, max(x, T(x)) with T a depthwise convolution of the same size, and makes it one call of
 * the function `funnel.FReLU`.
 *
 * However it is spelled: with or without BatchNormalization, zero Pad or auto_pad; as Max, Where(x > T, x, T), ReduceMax of a stack,
 * relu(x − T) + T or x + relu(T − x); with two branches 1×k and k×1, summed (which is one cross-shaped window) or compared; with
 * channels last. Values are computed as maxima of linear maps of x, where sums and maxima of such maxima are such again; what comes
 * out as {x, T} is a funnel. It must be one convolution per channel (group = C), with stride 1, an odd window and zeros around that
 * keep the size. inline-functions and lower-frelu are the ways back.
 *
 * A funnel that ONNX Runtime's static quantiser has been over becomes a call of `funnel.FReLUQDQ`, `funnel.FReLUQLinear` or one of
 * their kin, whose bodies keep each rounding to a grid: the bits stay. Weights stay quantised.
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
    ...quantisedRoots.map(root =>
      rule({ match: quantisedFunnel(root, true), rewrite: ({ quantised }, op) => writeQuantised(quantised, 'fused', op) }),
    ),
    ...roots.map(root => rule({ match: spelledFunnel(root, true), rewrite: ({ funnel }, op) => writeFunnel(funnel, 'fused', op) })),
  ],
  { prepare: prepareFunnels, skips: isFunnelFunction },
);
