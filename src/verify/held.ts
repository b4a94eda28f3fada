import type { Tensor } from '../tensor/tensor.ts';
import type { Baseline, Standard } from './baseline.ts';
import { compare, type Rule } from './compare.ts';
import type { Configuration } from './configuration.ts';
import { isFlipped } from './flips.ts';
import { ruleOf } from './tolerance.ts';
import type { OutputResult } from './verdict.ts';

/** Beyond this relative L2 a runtime's own drift is a fault of its, and excuses nothing. */
const mostDrift = 0.01;

/**
 * B's output held against what it is to be in a configuration, or may be instead. Of a B that is `proven`, being the same under this input without
 * optimisation, ONNX Runtime may make another graph than of A, as it does of quantised models: its output may be as far from A's there as A's own is from the
 * reference, and twice as far from the reference.
 */
export function held(
  baseline: Baseline,
  where: Configuration,
  input: string,
  output: string,
  value: Tensor,
  rule: Pick<Rule, 'equalNan' | 'topK' | 'minAgreement'>,
  proven = false,
): OutputResult {
  const flips = baseline.flipsOf(input, output);
  const against = ({ expected, tolerance, slices, against, drift }: Standard): OutputResult => {
    const comparison = compare(expected, value, { ...rule, ...ruleOf(tolerance, rule.equalNan, slices) });
    const rounded = !comparison.same && isFlipped(expected, comparison, flips);
    return {
      input,
      output,
      against,
      drift: drift && { identical: drift.identical, relativeL2: drift.relativeL2, maxAbs: drift.maxAbs },
      tolerance: rounded ? { ...tolerance, because: `${tolerance.because}, but for those that rounding decides` } : tolerance,
      comparison: rounded ? { ...comparison, same: true, reasons: [] } : comparison,
    };
  };
  const standard = baseline.standard(where, input, output);
  const first = against(standard);
  if (first.comparison.same || !standard.otherwise) return first;
  const second = against(standard.otherwise);
  if (second.comparison.same) return second;
  const drift = Number(first.drift?.relativeL2 ?? 0);
  const [fromOwn, fromReference] = [first, second].map(r => Number(r.comparison.relativeL2)) as [number, number];
  const ofSize = first.comparison.reasons.every(r => r === 'elements' || r === 'relative-l2');
  if (!proven || !ofSize || !(drift <= mostDrift && fromOwn <= drift && fromReference <= 2 * drift)) return first;
  const because = `${first.tolerance.because}, widened to the runtime's own drift on A of ${drift.toExponential(1)}`;
  return { ...first, tolerance: { ...first.tolerance, because }, comparison: { ...first.comparison, same: true, reasons: [] } };
}
