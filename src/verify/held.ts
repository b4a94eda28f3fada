import type { Tensor } from '../tensor/tensor.ts';
import type { Baseline, Standard } from './baseline.ts';
import { compare, type Rule } from './compare.ts';
import type { Configuration } from './configuration.ts';
import { isFlipped } from './flips.ts';
import { ruleOf } from './tolerance.ts';
import type { OutputResult } from './verdict.ts';

/** B's output held against what it is to be in a configuration, or may be instead. */
export function held(
  baseline: Baseline,
  where: Configuration,
  input: string,
  output: string,
  value: Tensor,
  rule: Pick<Rule, 'equalNan' | 'topK' | 'minAgreement'>,
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
  return second.comparison.same ? second : first;
}
