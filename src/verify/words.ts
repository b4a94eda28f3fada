import { type Comparison, type JsonNumber, short } from './compare.ts';

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
  if (c.reasons.includes('nan-in-both'))
    parts.push('NaN on both sides, a difference unless NaN is said to equal NaN (--equal-nan, equalNan)');
  if (c.worst) parts.push(`worst at [${c.worst.index}]: ${c.worst.expected} became ${c.worst.actual}`);
  return parts.join('; ');
}

/** A part of 1, in percent; never more than it is. */
export const percent = (x: number): string => `${Math.floor(x * 1000) / 10} %`;
