import { gated, hardSwishGate } from '../src/functions/activations.ts';
import { inferTypesFor } from '../src/infer/types.ts';
import { operatorAt } from '../src/ops/schema.ts';
import { pass } from '../src/rewrite/pass.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Recognises HardSwish spelled out and makes it one node.
 *
 * x·max(0, min(1, x/6 + 1/2)): as x·HardSigmoid(x), as x·Clip(x + 3, 0, 6)/6 in whatever order, with Clip or with Min and Max. Operator set
 * 14 and later. Constants must be those numbers but for their rounding; x·HardSigmoid(z) of another z stays.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float three = {3}, float zero = {0}, float six = {6}>
 * {
 *   s = Add (x, three)
 *   c = Clip (s, zero, six)
 *   m = Mul (x, c)
 *   y = Div (m, six)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   y = HardSwish (x)
 * }
 * ```
 */
export const fuseHardSwish = pass(
  'fuse-hard-swish',
  'exact',
  (['Mul', 'Div'] as const).map(root =>
    rule({
      match: gated(root, hardSwishGate),
      rewrite({ gated: { x, dtype } }, op) {
        // ONNX Runtime's CPU provider has no kernel for double.
        const takes = dtype === undefined || (dtype !== 'double' && operatorAt('', 'HardSwish', op.opset)?.dtypes.has(dtype));
        if (op.opset < 14 || !takes) return undefined;
        return op.HardSwish(x);
      },
    }),
  ),
  { prepare: inferTypesFor('Clip', 'Min', 'Max', 'HardSigmoid') },
);
