import type { JsonNumber } from '../../verify/compare.ts';
import { plain } from '../format.ts';

/** Characters of a name that a page shows. */
const LONGEST = 120;

/** Characters that turn the direction of what follows them. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name from a file: its control characters made visible, its middle left out where it is very long. */
export function clip(text: string, longest = LONGEST): string {
  const short = text.length <= longest ? text : `${text.slice(0, longest / 2)}…${text.slice(-(longest / 2) + 1)}`;
  return plain(short).replace(TURNING, '?');
}

/** Short, and never more digits than mean something. */
export function spell(x: JsonNumber): string {
  if (typeof x !== 'number') return x === 'Infinity' ? '∞' : x === '-Infinity' ? '−∞' : 'NaN';
  return x === 0 ? '0' : x.toExponential(1);
}
