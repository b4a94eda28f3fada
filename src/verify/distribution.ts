import { exponentOf } from '../tensor/ulp.ts';

/** Statistics of a − b over the elements that are finite in both. */
export interface Distribution {
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** 99th percentiles are over at most 2^18 evenly spaced elements. */
  readonly p99Abs: number;
  /** |a − b| / |a|; infinite where a is 0 and b is not. */
  readonly maxRel: number;
  /** Over the elements where a is not 0. */
  readonly meanRel: number;
  readonly p99Rel: number;
  /** In units in the last place of the larger of the two; 0 where nobody told what such a unit is. */
  readonly maxUlp: number;
  readonly meanUlp: number;
  readonly p99Ulp: number;
  readonly relativeL2: number;
  readonly cosine: number;
  readonly snrDb: number;
  readonly psnrDb: number;
  /** Elements by the decade of |a − b|, those that do not differ left out; ascending. */
  readonly histogram: readonly (readonly [decade: number, elements: number])[];
}

/** The distance between the numbers of a type near a magnitude. */
export type Ulp = (magnitude: number) => number;

const sampleLimit = 1 << 18;

/** Where no element differs. */
export const nothingDiffers: Distribution = {
  maxAbs: 0,
  meanAbs: 0,
  p99Abs: 0,
  maxRel: 0,
  meanRel: 0,
  p99Rel: 0,
  maxUlp: 0,
  meanUlp: 0,
  p99Ulp: 0,
  relativeL2: 0,
  cosine: 1,
  snrDb: Number.POSITIVE_INFINITY,
  psnrDb: Number.POSITIVE_INFINITY,
  histogram: [],
};

/** Two passes over all elements, however many statistics. */
export function distribution(a: ArrayLike<number>, b: ArrayLike<number>, ulp: Ulp = () => Number.POSITIVE_INFINITY): Distribution {
  // Squares of large or tiny float64 numbers leave the range, so they are taken in units of the largest magnitude, a power of two.
  const unit = unitOf(a, b);
  const decades = new Float64Array(highest - lowest + 1);
  let [n, nonZero, abs, maxAbs, rel, maxRel, ulps, maxUlp, peak, aa, bb, ab, dd] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const p = a[i]!;
    const q = b[i]!;
    if (!finite(p, q)) continue;
    const x = p / unit;
    const y = q / unit;
    const size = Math.abs(x);
    n++;
    aa += x * x;
    bb += y * y;
    ab += x * y;
    if (size > peak) peak = size;
    if (p !== 0) nonZero++;
    if (p === q) continue;
    const d = Math.abs(p - q);
    const ratio = d / Math.abs(p);
    const units = d / ulp(Math.max(Math.abs(p), Math.abs(q)));
    decades[decadeOf(d) - lowest]!++;
    abs += Math.abs(x - y);
    dd += (x - y) * (x - y);
    ulps += units;
    if (d > maxAbs) maxAbs = d;
    if (units > maxUlp) maxUlp = units;
    if (ratio > maxRel) maxRel = ratio;
    if (p !== 0) rel += ratio;
  }
  if (maxAbs === 0) return nothingDiffers;
  const relativeL2 = Math.sqrt(dd / aa);
  return {
    maxAbs,
    meanAbs: (abs / n) * unit,
    maxRel,
    meanRel: nonZero === 0 ? Number.POSITIVE_INFINITY : rel / nonZero,
    maxUlp: Math.round(maxUlp),
    meanUlp: ulps / n,
    ...percentiles(a, b, ulp),
    relativeL2,
    cosine: aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb),
    snrDb: -20 * Math.log10(relativeL2),
    psnrDb: 20 * Math.log10(peak / Math.sqrt(dd / n)),
    histogram: [...decades].flatMap((count, i) => (count === 0 ? [] : [[i + lowest, count] as const])),
  };
}

function unitOf(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const p = a[i]!;
    const q = b[i]!;
    if (finite(p, q)) most = Math.max(most, Math.abs(p), Math.abs(q));
  }
  return most === 0 ? 1 : 2 ** exponentOf(most);
}

function percentiles(a: ArrayLike<number>, b: ArrayLike<number>, ulp: Ulp): Pick<Distribution, 'p99Abs' | 'p99Rel' | 'p99Ulp'> {
  const step = stepOf(a.length);
  const [abs, rel, ulps] = [0, 0, 0].map(() => new Float64Array(Math.ceil(a.length / step)));
  let n = 0;
  for (let i = 0; i < a.length; i += step) {
    const p = a[i]!;
    const q = b[i]!;
    if (!finite(p, q)) continue;
    const d = Math.abs(p - q);
    abs![n] = d;
    rel![n] = d === 0 ? 0 : d / Math.abs(p);
    ulps![n++] = d === 0 ? 0 : d / ulp(Math.max(Math.abs(p), Math.abs(q)));
  }
  const p99 = (sample: Float64Array) => sample.subarray(0, n).sort()[Math.max(0, Math.ceil(0.99 * n) - 1)] ?? 0;
  return { p99Abs: p99(abs!), p99Rel: p99(rel!), p99Ulp: Math.round(p99(ulps!)) };
}

/** A step that meets every index of every axis: prime, and no divisor of the number of elements, so that it has no factor in common with any axis. */
function stepOf(elements: number): number {
  let step = Math.ceil(elements / sampleLimit);
  while (step > 1 && (elements % step === 0 || !isPrime(step))) step++;
  return step;
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return n > 1;
}

const lowest = -324;
const highest = 308;
/** 10^k, as near as a number can be. */
const powers = Float64Array.from({ length: highest - lowest + 1 }, (_, i) => Number(`1e${i + lowest}`));

/** ⌊log10 x⌋ for finite x > 0: a logarithm for each element takes longer than all the rest. */
function decadeOf(x: number): number {
  const exponent = exponentOf(x);
  if (exponent <= -1022) return Math.max(lowest, Math.floor(Math.log10(x)));
  const least = Math.floor(exponent * Math.LOG10E * Math.LN2);
  return least < highest && x >= powers[least + 1 - lowest]! ? least + 1 : least;
}

/** Whether neither a NaN nor an infinity is involved; `x - x` is NaN for both. */
function finite(a: number, b: number): boolean {
  return a - a === 0 && b - b === 0;
}
