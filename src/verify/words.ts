import type { Comparison } from './compare.ts';

/** How two tensors differ, in words; `allowed` is the relative L2 that would have passed. */
export function describeDifference(c: Comparison, allowed: number | string): string {
  if (c.reasons.includes('dtype')) return 'has another element type';
  if (c.reasons.includes('shape')) return 'has another shape';
  const parts: string[] = [];
  if (c.reasons.includes('relative-l2')) parts.push(`relative L2 ${short(c.relativeL2)} > ${short(allowed)}`);
  if (c.violations > 0) parts.push(`${c.violations} of ${c.elements} elements outside the tolerance`);
  if (c.reasons.includes('nan')) parts.push('NaN on one side');
  if (c.reasons.includes('nan-in-both')) parts.push('NaN on both sides, which counts as a difference unless NaN is said to equal NaN');
  if (c.worst) parts.push(`worst at [${c.worst.index}]: ${c.worst.expected} became ${c.worst.actual}`);
  return parts.join('; ');
}

/** Two digits: more would mean nothing. */
export const short = (x: number | string): string => (typeof x === 'number' && x !== 0 ? x.toExponential(1) : String(x));
