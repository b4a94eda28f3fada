import { gated, geluGate } from '../src/functions/activations.ts';
import { inferTypesFor } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Recognises Gelu spelled out and makes it one node.
 *
 * x·(1 + erf(x/√2))/2, or its approximation x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, in whatever order. Operator set 20 and later.
 * Constants must be those numbers but for their rounding.
 *
 * @before
 * ```onnx
 * <ir_version: 9, opset_import: ["" : 20]>
 * g (float[2] x) => (float[2] y)
 * <float root = {1.4142135}, float one = {1}, float half = {0.5}>
 * {
 *   d = Div (x, root)
 *   e = Erf (d)
 *   s = Add (e, one)
 *   m = Mul (x, s)
 *   y = Mul (m, half)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 9, opset_import: ["" : 20]>
 * g (float[2] x) => (float[2] y) {
 *   y = Gelu (x)
 * }
 * ```
 */
export const fuseGelu = pass(
  'fuse-gelu',
  'exact',
  (['Mul', 'Div'] as const).map(root =>
    rule({
      match: gated(root, geluGate),
      // ONNX defines Gelu by constants of float, which are not those of double.
      rewrite: ({ gated: { x, form, dtype } }, op) =>
        op.opset >= 20 && dtype !== 'double' ? op.Gelu(x, { approximate: form }) : undefined,
    }),
  ),
  { prepare: inferTypesFor('Erf', 'Tanh') },
);
