import { dtypes, isKnown } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Comparison, exact } from './compare.ts';

/**
 * Integers and booleans that are computed from floats: an index, a class, a quantised value. Rounding decides here and there which of two neighbours
 * it is, and how often is seen when A's inputs move by one rounding. Exact values may be others as often as eight times that, in at
 * most a tenth of the elements; quantised ones, which have a distance, by no more than that moves them.
 */
export interface Flips {
  readonly elements: number;
  readonly by: number;
}

const factor = 8;
const most = 0.1;

/** Whether so few elements are others that a working runtime may have done it: what is more counts as that runtime's error, and widens nothing. */
export const isFew = ({ violations, elements }: Comparison): boolean => violations <= most * elements;

/** Whether rounding alone may have made these differences. */
export function isFlipped(expected: Tensor, { reasons, violations, elements, maxAbs }: Comparison, flips: Flips): boolean {
  if (!exact(expected) || reasons.some(r => r !== 'elements' && r !== 'relative-l2')) return false;
  const few = violations > 0 && violations <= Math.min(factor * flips.elements, most * elements);
  return few && (!isQuantised(expected) || Number(maxAbs) <= flips.by);
}

const isQuantised = ({ dtype }: Tensor): boolean => isKnown(dtype) && dtypes[dtype].kind === 'integer' && dtypes[dtype].bits <= 16;
