import { inlineBranches } from '../src/functions/inline-if.ts';
import type { Pass, PassReport } from '../src/rewrite/pass.ts';

/**
 * Puts the chosen branch in the place of an If whose condition is a constant.
 *
 * The branch's initializers become those of the graph around it. Names stay where nothing else in the model has them. An output of the
 * graph that the branch takes from outside keeps its name by an Identity.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <bool c = {1}>
 * {
 *   y = If (c) <
 *     then_branch = yes () => (float[2] a) <float[2] k = {1, 2}> { a = Mul (x, k) },
 *     else_branch = no () => (float[2] b) { b = Neg (x) }
 *   >
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] k = {1, 2}>
 * {
 *   y = Mul (x, k)
 * }
 * ```
 */
export const inlineIf: Pass = {
  name: 'inline-if',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    return { pass: 'inline-if', ...inlineBranches(model) };
  },
};
