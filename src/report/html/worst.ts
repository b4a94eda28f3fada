import type { ConfigurationResult, OutputResult, Verdict } from '../../verify/verdict.ts';
import { worstOf } from '../../verify/worst.ts';

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
