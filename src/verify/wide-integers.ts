import type { Tensor } from '../tensor/tensor.ts';

/** The elements, where they are integers that a number may be too small for. */
export function wideIntegers(t: Tensor): ArrayLike<bigint> | undefined {
  return t.dtype === 'int64' || t.dtype === 'uint64' ? (t.elements() as ArrayLike<bigint>) : undefined;
}

/** How many of two lists of integers differ, where they do most, and by how much, as near as a number can be. */
export function countIntegers(x: ArrayLike<bigint>, y: ArrayLike<bigint>): { violations: number; worst: number; required: number } {
  let [violations, worst, largest] = [0, -1, 0n];
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, y[i]!];
    if (a === b) continue;
    violations++;
    const apart = a > b ? a - b : b - a;
    if (apart <= largest) continue;
    largest = apart;
    worst = i;
  }
  return { violations, worst, required: Number(largest) };
}
