import { isOurs } from '../src/functions/call.ts';
import { inlineAll } from '../src/functions/inline.ts';
import type { Pass, PassReport } from '../src/rewrite/pass.ts';

/**
 * Puts the bodies of model-local functions in the place of their calls, but for funnels: functions of the domain `funnel` stay calls.
 *
 * Folds then see into functions whose weights are arguments, and funnels stay ready to be lowered. A function that has no more than its
 * name in common with one of `funnel`'s is inlined like any other. inline-functions spares none.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
 * g (float[2] x) => (float[2] y) {
 *   y = local.Twice (x)
 * }
 * <domain: "local", opset_import: ["" : 17]>
 * Twice (X) => (Y) {
 *   Y = Add (X, X)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   y = Add (x, x)
 * }
 * ```
 */
export const inlineForeign: Pass = {
  name: 'inline-foreign',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    return inlineAll(model, 'inline-foreign', isOurs);
  },
};
