import type { JsonNumber } from '../../verify/compare.ts';
import { plain } from '../format.ts';
import { spell as spelled } from '../results.ts';

/** Characters of a name that a page shows. */
const LONGEST = 120;

/** Characters that turn the direction of what follows them. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name from a file: its control characters made visible, its middle left out where it is very long. */
export function clip(text: string, longest = LONGEST): string {
  const short = text.length <= longest ? text : `${text.slice(0, longest / 2)}…${text.slice(-(longest / 2) + 1)}`;
  return plain(short).replace(TURNING, '?');
}

/** As on a terminal, but for the minus sign, of which a page has a real one. */
export const spell = (x: JsonNumber): string => (x === '-Infinity' ? '−∞' : spelled(x));
