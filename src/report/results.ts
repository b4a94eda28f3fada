import type { JsonNumber } from '../verify/compare.ts';
import type { OutputResult } from '../verify/verdict.ts';

/** Results of each output, under all inputs. */
export function byOutput(results: readonly OutputResult[]): Map<string, OutputResult[]> {
  const outputs = new Map<string, OutputResult[]>();
  for (const r of results) {
    const of = outputs.get(r.output);
    if (of) of.push(r);
    else outputs.set(r.output, [r]);
  }
  return outputs;
}

/** Each output at its worst input. */
export const worstByOutput = (results: readonly OutputResult[]): OutputResult[] => [...byOutput(results).values()].map(of => worstOf(of)!);

/** How far off a comparison is, what counts most first. */
export const rankOf = ({ comparison: c }: OutputResult): readonly number[] => [c.same ? 0 : 1, c.violations, Number(c.relativeL2) || 0];

/** The first of those that rank highest: closest to their tolerance, or furthest beyond it. */
export function worstOf(results: readonly OutputResult[], rank = rankOf): OutputResult | undefined {
  const [first, ...others] = results;
  return others.reduce((x, y) => {
    const [p, q] = [rank(x!), rank(y)];
    const i = p.findIndex((v, k) => v !== q[k]);
    return i >= 0 && q[i]! > p[i]! ? y : x;
  }, first);
}

/** Short, and never more digits than mean something. */
export function spell(x: JsonNumber): string {
  if (typeof x !== 'number') return x === 'Infinity' ? '∞' : x === '-Infinity' ? '-∞' : 'NaN';
  return x === 0 ? '0' : x.toExponential(1);
}
