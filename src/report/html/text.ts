import type { JsonNumber } from '../../verify/compare.ts';
import { spell as spelled } from '../results.ts';

/** As on a terminal, but for the minus sign, of which a page has a real one. */
export const spell = (x: JsonNumber): string => (x === '-Infinity' ? '−∞' : spelled(x));
