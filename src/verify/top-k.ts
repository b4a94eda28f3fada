import type { Tensor } from '../tensor/tensor.ts';

/** How far two rankings agree. */
export interface TopK {
  readonly k: number;
  /** 0 to 1: of B's k largest elements of each row, the part that is among A's k largest too. For k = 1: the rows with the same first. */
  readonly agreement: number;
}

/**
 * Agreement of two outputs of one shape as rankings along the last axis, over all rows; NaN ranks last. Elements that are equal at A's k-th
 * place stand in for one another, as many of them as have a place there: those above have theirs for sure, and B without them agrees less. Of
 * elements that are equal in B the first count, as for ArgMax and TopK. Undefined for scalars, and where there are no rows.
 */
export function topK(a: Tensor, b: Tensor, ks: readonly number[]): readonly TopK[] | undefined {
  const width = a.dims.at(-1) ?? 0;
  if (width === 0 || a.size === 0) return undefined;
  const [x, y] = [a.numbers(), b.numbers()];
  // Complex numbers have no order.
  if (x.length !== a.size) return undefined;
  return ks.map(k => ({ k, agreement: agreement(x, y, width, Math.min(k, width)) }));
}

function agreement(x: ArrayLike<number>, y: ArrayLike<number>, width: number, k: number): number {
  let agreed = 0;
  for (let start = 0; start < x.length; start += width) {
    const best = largest(x, start, width, k).map(i => rank(x[i]!));
    const last = best[k - 1]!;
    const picked = largest(y, start, width, k).map(i => rank(x[i]!));
    const sure = picked.filter(r => r > last).length;
    const places = best.filter(r => r === last).length;
    agreed += sure + Math.min(picked.filter(r => r === last).length, places);
  }
  return agreed / ((x.length / width) * k);
}

const rank = (x: number) => (Number.isNaN(x) ? Number.NEGATIVE_INFINITY : x);

/** Indices of the k largest elements of a row, the largest first; of equal ones the first. */
function largest(values: ArrayLike<number>, start: number, width: number, k: number): readonly number[] {
  const best: number[] = [];
  for (let i = start; i < start + width; i++) {
    const value = rank(values[i]!);
    if (best.length === k && value <= rank(values[best[k - 1]!]!)) continue;
    let at = best.length === k ? k - 1 : best.length;
    for (; at > 0 && rank(values[best[at - 1]!]!) < value; at--) best[at] = best[at - 1]!;
    best[at] = i;
  }
  return best;
}
