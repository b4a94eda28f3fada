import type { ConfigurationResult, OutputResult, Verdict } from '../../verify/verdict.ts';

/** How far B is off: a rank that grows. */
const rank = ({ comparison: c }: OutputResult) => [c.same ? 0 : 1, c.violations, Number(c.relativeL2) || 0, Number(c.maxAbs) || 0] as const;

/** The result that is closest to its tolerance, or furthest beyond it. */
export function worstOf(results: readonly OutputResult[]): OutputResult | undefined {
  let worst: OutputResult | undefined;
  for (const result of results) {
    if (!worst) {
      worst = result;
      continue;
    }
    const [before, now] = [rank(worst), rank(result)];
    const i = now.findIndex((v, k) => v !== before[k]);
    if (i >= 0 && now[i]! > before[i]!) worst = result;
  }
  return worst;
}

/** Where B is furthest off; undefined where nothing differs. */
export function failing(verdict: Verdict): { readonly configuration: ConfigurationResult; readonly result: OutputResult } | undefined {
  const result = worstOf(verdict.configurations.flatMap(c => c.results).filter(r => !r.comparison.same));
  const configuration = verdict.configurations.find(c => result && c.results.includes(result));
  return result && configuration && { configuration, result };
}

/** The worst result of each output in each configuration. */
export function worstByOutput(configurations: readonly ConfigurationResult[]): {
  readonly configuration: ConfigurationResult;
  readonly result: OutputResult;
}[] {
  const outputs = [...new Set(configurations.flatMap(c => c.results.map(r => r.output)))];
  return outputs.flatMap(output =>
    configurations.flatMap(configuration => {
      const result = worstOf(configuration.results.filter(r => r.output === output));
      return result ? [{ configuration, result }] : [];
    }),
  );
}
