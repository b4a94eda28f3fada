import type { DType } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { epsilonOf } from '../tensor/ulp.ts';

/** What a bound is made of. */
export interface Magnitudes {
  /** How many products are summed for an output. */
  readonly fanIn: number;
  /** Σ|w′| of the folded weights, for each output channel. */
  readonly weights: Tensor;
  /** All that is added, biases before and after, scaled: vectors over the output channels, or single numbers. */
  readonly shifts: readonly (Tensor | undefined)[];
}

/**
 * How far a fold into a layer may move an output, as E in |y − y′| ≤ E·(max |x| + 1).
 *
 * A sum of n products computed one after the other is off by at most n·u·Σ|w·x| (Higham, "Accuracy and Stability of Numerical
 * Algorithms", 2nd ed., §3.1), u the unit roundoff; before the fold four more roundings follow, and the fold itself rounds each weight
 * once. Both computations are at most so far from the exact one: (2n + 8)·u·Σ|w′| for each unit of x, and (n + 6)·u for each of what is
 * added.
 */
export function foldBound(dtype: DType, { fanIn, weights, shifts }: Magnitudes): number {
  const u = epsilonOf(dtype) / 2;
  const added = shifts.reduce((sum, v) => sum + (v ? largest(v) : 0), 0);
  return u * Math.max((2 * fanIn + 8) * largest(weights), (fanIn + 6) * added);
}

/** Inputs that a float layer is to live with, in its sums of products; of half precision nothing is left to ask for. */
const INPUT = 1024;

/** Whether sums of folded weights come so near the largest number of their type that a sum of products may be beyond it. */
export function mayOverflow(dtype: DType, weights: Tensor): boolean {
  const sum = largest(weights) * (dtype === 'float16' ? 1 : INPUT);
  const limit = dtype === 'float16' ? 65504 : dtype === 'double' ? Number.MAX_VALUE : 3.4e38;
  return sum > limit && sum < Number.POSITIVE_INFINITY;
}

function largest(t: Tensor): number {
  let max = 0;
  for (const x of Array.from(t.numbers())) max = Math.max(max, Math.abs(x));
  return max;
}
