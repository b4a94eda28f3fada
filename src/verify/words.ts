import { type Comparison, type JsonNumber, short, type Worst } from './compare.ts';

/** How two tensors differ, in words; `allowed` is the relative L2 that would have passed. */
export function describeDifference(c: Comparison, allowed: JsonNumber): string {
  if (c.reasons.includes('dtype')) return 'has another element type';
  if (c.reasons.includes('shape')) return 'has another shape';
  const parts: string[] = [];
  if (c.reasons.includes('relative-l2')) parts.push(`relative L2 ${short(c.relativeL2)} > ${short(allowed)}`);
  if (c.violations > 0) parts.push(`${c.violations} of ${c.elements} elements outside the tolerance`);
  if (c.reasons.includes('top-k'))
    parts.push(`as rankings they agree only ${c.topK?.map(r => `to ${percent(r.agreement)} for k = ${r.k}`).join(', ')}`);
  if (c.reasons.includes('nan')) parts.push('NaN on one side');
  if (c.reasons.includes('nan-in-both')) parts.push('NaN on both sides, which is a difference without --equal-nan (equalNan)');
  if (c.worst) parts.push(`worst at ${becameText(c.worst)}`);
  return parts.join('; ');
}

/** `[0,3]: 0.37062368 became 0.37076795` */
export function becameText({ index, expected, actual }: Worst): string {
  const [before, after] = numerals(expected, actual);
  return `[${index}]: ${before} became ${after}`;
}

/** Values with as many digits as tell each from its neighbours: those of float32, where all of them are, else of float64. */
export function numerals(...values: readonly Worst['expected'][]): string[] {
  const single = values.every(x => typeof x !== 'number' || Math.fround(x) === x);
  return values.map(x => (single && typeof x === 'number' ? shortest(x) : String(x)));
}

function shortest(x: number): string {
  const digits = [1, 2, 3, 4, 5, 6, 7, 8].find(n => Math.fround(Number(x.toPrecision(n))) === x) ?? 9;
  return String(Number(x.toPrecision(digits)));
}

/** A part of 1, in percent; never more than it is. */
export const percent = (x: number): string => `${Math.floor(x * 1000) / 10} %`;
