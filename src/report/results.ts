import type { Comparison, JsonNumber } from '../verify/compare.ts';

/** Short, and never more digits than mean something. */
export function spell(x: JsonNumber): string {
  if (typeof x !== 'number') return x === 'Infinity' ? '∞' : x === '-Infinity' ? '-∞' : 'NaN';
  return x === 0 ? '0' : x.toExponential(1);
}

/** A statistic in words; a dash where there is none, as no element is a number on both sides. */
export function measured(c: Comparison, x: JsonNumber, words: (x: JsonNumber) => string = spell): string {
  const none =
    c.violations > 0 && c.violations === c.elements && c.reasons.every(r => r === 'nan' || r === 'nan-in-both' || r === 'infinity');
  return none ? '–' : words(x);
}
