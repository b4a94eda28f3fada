import { dtypes, isFloat, isKnown } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ulpOf } from '../tensor/ulp.ts';
import { distribution } from './distribution.ts';

/** A number that JSON can't hold is spelled out. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

/** What two tensors may differ by. */
export interface Rule {
  /** Elements: |a − b| ≤ atol + rtol·|a|. */
  readonly atol: number;
  readonly rtol: number;
  /** The whole tensor: ‖a − b‖₂ / ‖a‖₂. */
  readonly relativeL2: number;
  /** Whether NaN equals NaN. */
  readonly equalNan: boolean;
}

export interface Worst {
  readonly index: readonly number[];
  readonly expected: JsonNumber | string;
  readonly actual: JsonNumber | string;
}

/** How two tensors of one name relate. `a` is the reference, `b` the candidate; statistics are over elements that are finite in both. */
export interface Comparison {
  readonly same: boolean;
  /** Every element has the same bits. */
  readonly identical: boolean;
  /** Why not `same`; empty when it is. */
  readonly reasons: readonly Reason[];
  readonly elements: number;
  /** Elements that break the element rule. */
  readonly violations: number;
  readonly maxAbs: JsonNumber;
  readonly meanAbs: JsonNumber;
  readonly p99Abs: JsonNumber;
  readonly maxRel: JsonNumber;
  /** Largest distance in units in the last place of the coarser of the two values' element type; undefined for exact types. */
  readonly maxUlp: JsonNumber | undefined;
  readonly relativeL2: JsonNumber;
  readonly cosine: JsonNumber;
  /** 20·log10(‖a‖ / ‖a − b‖); Infinity where nothing differs. */
  readonly snrDb: JsonNumber;
  /** 20·log10(max|a| / rms(a − b)). */
  readonly psnrDb: JsonNumber;
  /** The element with the largest excess over its tolerance; undefined when no element differs. */
  readonly worst: Worst | undefined;
  /** The atol that would have let every element pass, with this rtol. */
  readonly requiredAtol: JsonNumber;
  /** Elements by the decade of |a − b|: `[-7, 12]` are 12 with 1e-7 ≤ |a − b| < 1e-6. Those that do not differ are in none. */
  readonly histogram: readonly (readonly [decade: number, elements: number])[];
}

/** `nan`: NaN on one side; `nan-in-both`: at the same places on both sides, where nobody said that NaN equals NaN. */
export type Reason = 'dtype' | 'shape' | 'elements' | 'relative-l2' | 'nan' | 'nan-in-both' | 'infinity';

/** Nothing about floats is compared for these types: they are equal or not. */
export const exact = (t: Tensor): boolean => !isFloat(t.dtype) && !(isKnown(t.dtype) && dtypes[t.dtype].kind === 'complex');

/** Compares `b` with the reference `a`. */
export function compare(a: Tensor, b: Tensor, rule: Rule): Comparison {
  if (a.dtype !== b.dtype) return incomparable(a, 'dtype');
  if (a.rank !== b.rank || a.dims.some((d, i) => d !== b.dims[i])) return incomparable(a, 'shape');
  if (a.dtype === 'string') return compareStrings(a, b);
  const identical = Buffer.compare(a.bytes(), b.bytes()) === 0;
  const x = a.numbers();
  const y = b.numbers();
  const precise = exact(a) ? { ...rule, atol: 0, rtol: 0, relativeL2: 0 } : rule;
  // 64-bit integers beyond 2^53 may look alike as numbers; their bits do not.
  const tally = count(x, y, precise);
  const { maxAbs, meanAbs, p99Abs, maxRel, relativeL2, cosine, snrDb, psnrDb, histogram } = distribution(x, y);
  const reasons: Reason[] = [];
  if (tally.nan > 0) reasons.push(tally.nan > tally.nanInBoth ? 'nan' : 'nan-in-both');
  if (tally.infinite > 0) reasons.push('infinity');
  if (tally.violations > tally.nan + tally.infinite || (exact(a) && !identical)) reasons.push('elements');
  if (relativeL2 > precise.relativeL2) reasons.push('relative-l2');
  const worst = identical || tally.worst < 0 ? undefined : at(a, tally.worst, x, y);
  return {
    same: reasons.length === 0,
    identical,
    reasons,
    elements: x.length,
    violations: tally.violations,
    maxAbs: json(maxAbs),
    meanAbs: json(meanAbs),
    p99Abs: json(p99Abs),
    maxRel: json(maxRel),
    maxUlp: exact(a) ? undefined : json(maxUlp(a, x, y)),
    relativeL2: json(relativeL2),
    cosine: json(cosine),
    snrDb: json(snrDb),
    psnrDb: json(psnrDb),
    worst,
    requiredAtol: json(tally.required),
    histogram,
  };
}

interface Tally {
  violations: number;
  /** Violations that a NaN, or an infinity, on one side makes. */
  nan: number;
  nanInBoth: number;
  infinite: number;
  worst: number;
  required: number;
}

/** numpy's rule, element by element, counted. */
function count(x: ArrayLike<number>, y: ArrayLike<number>, rule: Rule): Tally {
  const tally: Tally = { violations: 0, nan: 0, nanInBoth: 0, infinite: 0, worst: -1, required: 0 };
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < x.length; i++) {
    const a = x[i]!;
    const b = y[i]!;
    if (a === b) continue;
    const nan = Number.isNaN(a) || Number.isNaN(b);
    if (nan && rule.equalNan && Number.isNaN(a) && Number.isNaN(b)) continue;
    const infinite = !nan && (Math.abs(a) === Number.POSITIVE_INFINITY || Math.abs(b) === Number.POSITIVE_INFINITY);
    const excess = nan || infinite ? Number.POSITIVE_INFINITY : Math.abs(a - b) - rule.rtol * Math.abs(a);
    if (excess > largest) {
      largest = excess;
      tally.worst = i;
    }
    if (excess <= rule.atol) continue;
    tally.violations++;
    if (nan) tally.nan++;
    if (nan && Number.isNaN(a) && Number.isNaN(b)) tally.nanInBoth++;
    if (infinite) tally.infinite++;
  }
  tally.required = Math.max(0, largest);
  return tally;
}

function maxUlp(t: Tensor, x: ArrayLike<number>, y: ArrayLike<number>): number {
  const ulp = ulpOf(t.dtype);
  let most = 0;
  for (let i = 0; i < x.length; i++) {
    if (x[i] === y[i] || !Number.isFinite(x[i]) || !Number.isFinite(y[i])) continue;
    most = Math.max(most, Math.abs(x[i]! - y[i]!) / ulp(Math.max(Math.abs(x[i]!), Math.abs(y[i]!))));
  }
  return Math.round(most);
}

function compareStrings(a: Tensor, b: Tensor): Comparison {
  const theirs = b.strings();
  const different = a.strings().flatMap((s, i) => (Buffer.compare(s, theirs[i]!) === 0 ? [] : [i]));
  const [first] = different;
  const text = (t: Tensor, i: number) => Buffer.from(t.strings()[i]!).toString();
  const worst = first === undefined ? undefined : { index: indexOf(a.dims, first), expected: text(a, first), actual: text(b, first) };
  const same = different.length === 0;
  return { ...nothing, same, identical: same, reasons: same ? [] : ['elements'], elements: a.size, violations: different.length, worst };
}

const nothing = {
  maxAbs: 0,
  meanAbs: 0,
  p99Abs: 0,
  maxRel: 0,
  maxUlp: undefined,
  relativeL2: 0,
  cosine: 1,
  snrDb: 'Infinity',
  psnrDb: 'Infinity',
  requiredAtol: 0,
  histogram: [],
} as const;

function incomparable(a: Tensor, reason: Reason): Comparison {
  const unknown = {
    maxAbs: 'NaN',
    meanAbs: 'NaN',
    p99Abs: 'NaN',
    maxRel: 'NaN',
    relativeL2: 'NaN',
    cosine: 'NaN',
    snrDb: 'NaN',
    psnrDb: 'NaN',
  } as const;
  const counts = { elements: a.size, violations: a.size, maxUlp: undefined, worst: undefined, requiredAtol: 'NaN', histogram: [] } as const;
  return { same: false, identical: false, reasons: [reason], ...unknown, ...counts };
}

function at(t: Tensor, i: number, x: ArrayLike<number>, y: ArrayLike<number>): Worst {
  return { index: indexOf(t.dims, i), expected: json(x[i]!), actual: json(y[i]!) };
}

/** Coordinates of element `i` in row-major order. */
export function indexOf(dims: readonly number[], i: number): number[] {
  const index: number[] = [];
  for (const d of [...dims].reverse()) {
    index.unshift(i % d);
    i = Math.floor(i / d);
  }
  return index;
}

/** A number as JSON can hold it. */
export function json(x: number): JsonNumber {
  return Number.isFinite(x) ? x : (String(x) as JsonNumber);
}

/** The number that `json` wrote. */
export function number(x: JsonNumber): number {
  return Number(x);
}
