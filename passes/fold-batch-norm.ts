import { after, followedBy } from '../src/functions/absorb.ts';
import { affine, inference, normalization } from '../src/functions/batch-norm.ts';
import { foldIntoScale } from '../src/functions/fold-into-scale.ts';
import { type FoldOptions, layer, layoutOf } from '../src/functions/layers.ts';
import { intakeOf, layersOf } from '../src/functions/next-layers.ts';
import { evaluateParameters } from '../src/infer/parameters.ts';
import { inferTypesFor } from '../src/infer/types.ts';
import type { Model } from '../src/ir/model.ts';
import type { Node } from '../src/ir/node.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { Refusal } from '../src/rewrite/refusal.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Folds BatchNormalization at inference into the Conv, ConvTranspose, Gemm, MatMul or BatchNormalization before it, or into the layer after it.
 *
 * With k = scale / √(variance + ε) and t = bias − mean·k, the normalization is x·k + t. After a layer: W′ = W·k over the output
 * channels, B′ = B·k + t; a view between them (Transpose, Reshape, Flatten, Squeeze, Unsqueeze) stays, where it keeps the channels apart.
 * Before one: W′ = W·k over the input channels, B′ = B + Σ W·t, exact where no padding lets zeros in that the normalization never saw, or
 * where t is 0. Arithmetic in float64, rounded once to the weight's element type.
 *
 * Each fold tells how far it may move an output, from fan-in and magnitudes; `maxFoldError` refuses beyond that. A layer whose result has
 * other uses is kept, or with `duplicateConv` computed twice. Quantised weights stay, or with `foldIntoScale` take the factor into their
 * scales.
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
export const foldBatchNorm = ({ duplicateConv = false, foldIntoScale: intoScale = false, maxFoldError }: FoldOptions = {}): Pass =>
  pass(
    'fold-batch-norm',
    'exact',
    [
      ...(intoScale ? [foldIntoScale] : []),
      rule({
        match: normalization(layer(duplicateConv)),
        rewrite(c, op) {
          const layout = layoutOf(c);
          if (!layout) return op.refuse('E_FORM', `${c.view?.node.op.name ?? 'the layer before it'} may mix its channels`);
          if (layout.rank === undefined) return op.refuse('E_RANK', 'nothing is known of the rank of what it normalises');
          if (layout.axis !== 1)
            return op.refuse('E_SHAPE', `it normalises along axis 1, and the layer's channels are axis ${layout.axis}`);
          const bn = affine(c, layout.channels, op);
          return bn instanceof Refusal ? bn : followedBy(c, layout, bn, op);
        },
      }),
      ...layersOf(normalization(any('x'))).map(match =>
        rule({
          match,
          about: 'bn',
          rewrite(c, op) {
            const bn = affine(c, c.scale.size, op);
            if (bn instanceof Refusal) return bn;
            const intake = intakeOf(c, c.scale.size, bn, op);
            return intake instanceof Refusal ? intake : after(bn, c, intake, op);
          },
        }),
      ),
      rule({
        match: p.BatchNormalization(any('x'), any(), any(), any(), any()).with(inference, 'E_TRAINING').with({ spatial: 1 }),
        rewrite: ({ x }, op) => op.refuse('E_PRODUCER', `it follows ${x.producer?.op.name ?? 'an input'}, not a convolution`),
      }),
    ],
    { maxError: maxFoldError, prepare },
  );

/** What is folded are vectors: biases, and the parameters of BatchNormalization. Exporters compute them in many ways. */
const vectors: Readonly<Record<string, number>> = { BatchNormalization: 1, Conv: 2, ConvTranspose: 2, Gemm: 2 };

async function prepare(model: Model): Promise<void> {
  const isVector = ({ op }: Node, index: number) => op.domain === '' && index >= (vectors[op.name] ?? Number.POSITIVE_INFINITY);
  await evaluateParameters(model, isVector);
  await inferTypesFor('MatMul')(model);
}
