import { affine, inference, parameters } from '../src/functions/batch-norm.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, constant, optional, p } from '../src/rewrite/pattern.ts';
import { Refusal } from '../src/rewrite/refusal.ts';
import { rule } from '../src/rewrite/rule.ts';
import type { Tensor } from '../src/tensor/tensor.ts';

/**
 * Folds BatchNormalization at inference into the Conv or ConvTranspose before it, or into the Conv after it.
 *
 * With k = scale / √(variance + ε) and t = bias − mean·k, the normalization is x·k + t. After a convolution: W′ = W·k over the
 * output channels, B′ = B·k + t. Before one: W′ = W·k over the input channels, B′ = B + Σ W·t, exact where no padding lets zeros
 * in that the normalization never saw, or where t is 0. Arithmetic in float64, rounded once to the weight's element type.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,1,1] w = {3}, float[1] s = {2}, float[1] b = {1}, float[1] m = {6}, float[1] v = {4}>
 * {
 *   t = Conv (x, w)
 *   y = BatchNormalization <epsilon: float = 0> (t, s, b, m, v)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,1,1] y_W = {3}, float[1] y_B = {-5}>
 * {
 *   y = Conv (x, y_W, y_B)
 * }
 * ```
 */
export const foldBatchNorm = pass('fold-batch-norm', 'exact', [
  rule({
    match: p
      .BatchNormalization(p.Conv(any('x'), constant('w'), optional(constant('b'))).as('conv'), ...parameters)
      .with(inference, 'E_TRAINING')
      .with({ spatial: 1 })
      .as('bn'),
    rewrite(c, op) {
      const { x, w, b, conv } = c;
      const bn = affine(c, w.dims[0] ?? 0, op);
      if (bn instanceof Refusal) return bn;
      return op.Conv(x, w.mul(bn.k.along(0, w.rank)), (b ? b.mul(bn.k).add(bn.t) : bn.t).as(w.dtype), conv.attrs);
    },
  }),
  rule({
    match: p
      .BatchNormalization(p.ConvTranspose(any('x'), constant('w'), optional(constant('b'))).as('conv'), ...parameters)
      .with(inference, 'E_TRAINING')
      .with({ spatial: 1 })
      .as('bn'),
    rewrite(c, op) {
      const { x, w, b, conv } = c;
      const [inputs = 0, outputs = 0, ...kernel] = w.dims;
      const { group } = conv.attrs;
      const bn = affine(c, outputs * group, op);
      if (bn instanceof Refusal) return bn;
      const perGroup = w.reshape([group, inputs / group, outputs, ...kernel]);
      const scaled = perGroup.mul(bn.k.reshape([group, 1, outputs, ...kernel.map(() => 1)])).reshape(w.dims);
      return op.ConvTranspose(x, scaled, (b ? b.mul(bn.k).add(bn.t) : bn.t).as(w.dtype), conv.attrs);
    },
  }),
  rule({
    match: p
      .Conv(
        p
          .BatchNormalization(any('x'), ...parameters)
          .with(inference, 'E_TRAINING')
          .with({ spatial: 1 })
          .as('bn'),
        constant('w'),
        optional(constant('b')),
      )
      .as('conv'),
    about: 'bn',
    rewrite(c, op) {
      const { x, w, b, conv } = c;
      const [outputs = 0, inputs = 0, ...kernel] = w.dims;
      const { group, auto_pad, pads } = conv.attrs;
      const bn = affine(c, inputs * group, op);
      if (bn instanceof Refusal) return bn;
      const padded = auto_pad === 'NOTSET' ? pads?.some(p => p !== 0) : auto_pad !== 'VALID' && kernel.some(k => k !== 1);
      if (padded && Array.from(bn.t.numbers()).some(t => t !== 0))
        return op.refuse('E_FORM', 'the convolution after it pads with zeros, which the normalization would have shifted');
      const perGroup = w.reshape([group, outputs / group, inputs, ...kernel]);
      const along = (v: Tensor) => v.reshape([group, 1, inputs, ...kernel.map(() => 1)]);
      const shift = perGroup
        .mul(along(bn.t))
        .sumLast(w.rank - 1)
        .reshape([outputs]);
      return op.Conv(x, perGroup.mul(along(bn.k)).reshape(w.dims).as(w.dtype), (b ? b.add(shift) : shift).as(w.dtype), conv.attrs);
    },
  }),
  rule({
    match: p.BatchNormalization(any('x'), any(), any(), any(), any()).with(inference, 'E_TRAINING').with({ spatial: 1 }),
    rewrite: ({ x }, op) => op.refuse('E_PRODUCER', `it follows ${x.producer?.op.name ?? 'an input'}, not a convolution`),
  }),
]);
