import { FunnelError } from '../src/errors.ts';
import { writeActivation } from '../src/functions/activation.ts';
import { boundRules } from '../src/functions/bounds.ts';
import { DOMAIN, isFunnelFunction } from '../src/functions/frelu.ts';
import { refuseQuantised } from '../src/functions/quantised.ts';
import { type Funnel, funnelPatterns } from '../src/functions/recognise.ts';
import { quantisedPatterns } from '../src/functions/recognise-quantised.ts';
import { dropUncalled } from '../src/functions/uncalled.ts';
import { prepareFunnels } from '../src/infer/funnels.ts';
import type { Builder } from '../src/rewrite/builder.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { rule } from '../src/rewrite/rule.ts';

export interface FreluToReluOptions {
  /** How far a funnel's coefficients may be from an activation's: 0, the default, is exact. */
  readonly maxError?: number;
}

/**
 * Writes a Funnel Activation as Relu, LeakyRelu, PRelu or Clip where its weights make it one.
 *
 * With T(x) = a·x + b + (the rest of the window), max(x, T(x)) is Relu for a = b = 0, LeakyRelu or PRelu for b = 0 and a ≤ 1, Clip or
 * Max for a = 0, each where the rest is 0. With `maxError` E, coefficients may differ from these by at most E in sum: then
 * |y − y′| ≤ E·(max |x| + 1), and the report says what E was. A lower bound and the upper one behind it become one Clip. Quantised
 * funnels stay.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,3,3] w = {0, 0, 0, 0, 0.25, 0, 0, 0, 0}, float[1] b = {0}>
 * {
 *   t = Conv <pads: ints = [1, 1, 1, 1]> (x, w, b)
 *   y = Max (x, t)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y) {
 *   y = LeakyRelu <alpha: float = 0.25> (x)
 * }
 * ```
 */
export function freluToRelu({ maxError = 0 }: FreluToReluOptions = {}): Pass {
  if (!(maxError >= 0)) throw new FunnelError('E_USAGE', `the largest error must be a number from 0 on, not ${maxError}`);
  const rewrite = ({ funnel }: { readonly funnel: Funnel }, op: Builder) => writeActivation(funnel, maxError, op);
  const rules = [
    ...quantisedPatterns.map(match => rule({ match, rewrite: (_, op) => refuseQuantised(op, 'an activation would round other values') })),
    ...funnelPatterns.map(match => rule({ match, rewrite })),
    ...boundRules,
  ];
  return pass('frelu-to-relu', maxError > 0 ? 'changes' : 'exact', rules, {
    prepare: prepareFunnels,
    skips: isFunnelFunction,
    finish: model => void dropUncalled(model, DOMAIN),
  });
}
