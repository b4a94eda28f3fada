import type { OutputResult } from './verdict.ts';

/** How far off a comparison is, what counts most first. */
const rankOf = ({ comparison: c }: OutputResult): readonly number[] => [
  c.same ? 0 : 1,
  c.violations,
  Number(c.relativeL2) || 0,
  Number(c.maxAbs) || 0,
];

/** The first of those that rank highest: closest to their tolerance, or furthest beyond it. */
export function worstOf(results: readonly OutputResult[]): OutputResult | undefined {
  const [first, ...others] = results;
  return others.reduce((x, y) => {
    const [p, q] = [rankOf(x!), rankOf(y)];
    const i = p.findIndex((v, k) => v !== q[k]);
    return i >= 0 && q[i]! > p[i]! ? y : x;
  }, first);
}

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
