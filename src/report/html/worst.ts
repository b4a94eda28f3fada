import type { ConfigurationResult, OutputResult, Verdict } from '../../verify/verdict.ts';
import { byOutput, worstOf } from '../../verify/worst.ts';

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
  const all = configurations.map(configuration => ({ configuration, results: byOutput(configuration.results) }));
  const outputs = [...new Set(all.flatMap(({ results }) => [...results.keys()]))];
  return outputs.flatMap(output =>
    all.flatMap(({ configuration, results }) => {
      const result = worstOf(results.get(output) ?? []);
      return result ? [{ configuration, result }] : [];
    }),
  );
}
