import { gated, swishGate } from '../src/functions/activations.ts';
import { inferTypesFor } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Recognises Swish (SiLU), x·sigmoid(alpha·x), and makes it one node.
 *
 * Operator set 24 and later; before, ONNX has no such operator.
 *
 * @before
 * ```onnx
 * <ir_version: 10, opset_import: ["" : 24]>
 * g (float[2] x) => (float[2] y) {
 *   s = Sigmoid (x)
 *   y = Mul (x, s)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 10, opset_import: ["" : 24]>
 * g (float[2] x) => (float[2] y) {
 *   y = Swish (x)
 * }
 * ```
 */
export const fuseSwish = pass(
  'fuse-swish',
  'exact',
  rule({
    match: gated('Mul', swishGate),
    rewrite: ({ gated: { x, form } }, op) => (op.opset >= 24 && Math.fround(form) === form ? op.Swish(x, { alpha: form }) : undefined),
  }),
  { prepare: inferTypesFor('Sigmoid') },
);
