import { type Form, formOf, possibleForm, writeFunnel } from '../src/functions/forms.ts';
import { DOMAIN, isFunnelFunction } from '../src/functions/frelu.ts';
import { deadChannels } from '../src/functions/linear.ts';
import { type QuantisedFunnel, writeQuantised } from '../src/functions/quantised.ts';
import { type Funnel, funnelPatterns } from '../src/functions/recognise.ts';
import { quantisedPatterns } from '../src/functions/recognise-quantised.ts';
import { formFor, type Target } from '../src/functions/targets.ts';
import { dropUncalled } from '../src/functions/uncalled.ts';
import { prepareFunnels } from '../src/infer/funnels.ts';
import type { Builder } from '../src/rewrite/builder.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { rule } from '../src/rewrite/rule.ts';

export interface LowerOptions {
  /** Where the model is to run: each funnel takes the form that is fastest there. */
  readonly target?: Target;
  /** The form of every funnel, whatever the target. */
  readonly lowering?: Form;
}

/**
 * Writes every Funnel Activation, fused or spelled out, in the form that is fastest where the model is to run.
 *
 * `residual`, x + relu(T(x) − x), takes 1 off the centre tap: T(x) − x is a convolution too. Where T is 0 it gives what Max(T(x), x)
 * gives; elsewhere it differs by the rounding of a convolution, at most (2n + 4)·2⁻²⁴·(|x| + |b| + Σ|w·x|) for n taps of float (twice
 * that for two branches), and where x is −∞ it is NaN. `identity-conv` is the same with x passed through a depthwise 1×1 convolution of
 * ones, into which ONNX Runtime's CPU provider fuses the sum. Half precision keeps Max.
 *
 * A quantised funnel rounds T, or T − x, to a grid: another form would round other values. It goes back and forth between one call and
 * the form it was quantised in, whatever the target; another form that is asked for is refused. Lower first, then quantise.
 *
 * @before
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
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, float[1] b = {1}>
 * {
 *   y_T = Conv <dilations: ints = [1, 1], group: int = 1, kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1], strides: ints = [1, 1]> (x, w, b)
 *   y = Max (y_T, x)
 * }
 * ```
 */
export function lowerFrelu({ target = 'max', lowering }: LowerOptions = {}): Pass {
  const rewrite = ({ funnel }: { readonly funnel: Funnel }, op: Builder) => {
    const { form: wanted, xFirst } = lowering === undefined ? formFor(target, funnel) : { form: lowering, xFirst: false };
    const form = possibleForm(funnel, wanted, op.opset);
    if (isWritten(funnel, form, xFirst)) return undefined;
    if (form === 'trainable' && op.opset < 7) return op.refuse('E_FORM', 'ONNX Runtime has no BatchNormalization before operator set 7');
    const dead = form === 'trainable' ? funnel.conditions.flatMap(deadChannels) : [];
    if (dead.length > 0)
      return op.refuse(
        'E_TRAP',
        `the weights of ${dead.length} channels are 0; under γ = 1 their gradients would be 1/√ε ≈ 316 times too large`,
      );
    return writeFunnel(funnel, form, op, xFirst);
  };
  const rewriteQuantised = ({ quantised }: { readonly quantised: QuantisedFunnel }, op: Builder) => writeQuantised(quantised, lowering, op);
  const rules = [
    ...quantisedPatterns.map(match => rule({ match, rewrite: rewriteQuantised })),
    ...funnelPatterns.map(match => rule({ match, rewrite })),
  ];
  return pass('lower-frelu', 'exact', rules, {
    prepare: prepareFunnels,
    skips: isFunnelFunction,
    finish: model => void dropUncalled(model, DOMAIN),
  });
}

/** Whether a funnel has its form already. */
function isWritten(funnel: Funnel, form: Form, xFirst: boolean): boolean {
  if (funnel.nodes[0]!.op.domain === DOMAIN) return form === 'fused';
  const found = formOf(funnel);
  // A Max of either order is left alone unless the order counts.
  return found === form && (form !== 'max' || !xFirst || funnel.nodes[0]!.inputs[0] === funnel.x);
}
