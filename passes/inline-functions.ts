import { inlineAll } from '../src/functions/inline.ts';
import type { Pass, PassReport } from '../src/rewrite/pass.ts';

/**
 * Puts the bodies of model-local functions in the place of their calls, and drops the functions.
 *
 * Names of a body's values become `<result>_<name>`. A function written for another operator set is inlined where its operators are
 * the same version in both.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
 * g (float[2] x) => (float[2] y) {
 *   y = local.Leaky <slope: float = 0.5> (x)
 * }
 * <domain: "local", opset_import: ["" : 17]>
 * Leaky <slope> (X) => (Y) {
 *   T = LeakyRelu <alpha: float = @slope> (X)
 *   Y = Identity (T)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   y_T = LeakyRelu <alpha: float = 0.5> (x)
 *   y = Identity (y_T)
 * }
 * ```
 */
export const inlineFunctions: Pass = {
  name: 'inline-functions',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    return inlineAll(model, 'inline-functions');
  },
};
