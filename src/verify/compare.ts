import { dtypes, isFloat, isKnown } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { ulpOf } from '../tensor/ulp.ts';
import { type Distribution, distribution, nothingDiffers } from './distribution.ts';
import type { SliceRule } from './slices.ts';
import { type TopK, topK } from './top-k.ts';
import { countIntegers, wideIntegers } from './wide-integers.ts';

/** A number that JSON can't hold is spelled out. */
export type JsonNumber = number | 'NaN' | 'Infinity' | '-Infinity';

/** What two tensors may differ by. */
export interface Rule {
  /** Elements: |a − b| ≤ atol + rtol·|a|. */
  readonly atol: number;
  readonly rtol: number;
  /** A smaller atol for the slices of some axes. */
  readonly slices?: readonly SliceRule[];
  /** The whole tensor: ‖a − b‖₂ / ‖a‖₂. */
  readonly relativeL2: number;
  /** Whether NaN equals NaN. */
  readonly equalNan: boolean;
  /** How many of each row's largest elements to compare as rankings; default: none. */
  readonly topK?: readonly number[] | undefined;
  /** The agreement, 0 to 1, that rankings need; default: none. */
  readonly minAgreement?: number | undefined;
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
  /** |a − b| / |a|: Infinity where only a is 0. */
  readonly maxRel: JsonNumber;
  /** Over the elements where a is not 0. */
  readonly meanRel: JsonNumber;
  readonly p99Rel: JsonNumber;
  /** Distance in units in the last place of the larger of the two values; undefined for exact types. */
  readonly maxUlp: JsonNumber | undefined;
  readonly meanUlp: JsonNumber | undefined;
  readonly p99Ulp: JsonNumber | undefined;
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
  /** Agreement as rankings; undefined where nobody asked, or there is no ranking. */
  readonly topK?: readonly TopK[];
}

/** `nan`: NaN on one side; `nan-in-both`: at the same places on both sides, where nobody said that NaN equals NaN. */
export type Reason = 'dtype' | 'shape' | 'elements' | 'relative-l2' | 'nan' | 'nan-in-both' | 'infinity' | 'top-k';

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
  // 64-bit integers beyond 2^53 may look alike as numbers.
  const [wideA, wideB] = [wideIntegers(a), wideIntegers(b)];
  const tally = wideA && wideB ? { ...nothingCounted, ...countIntegers(wideA, wideB) } : count(x, y, precise);
  const ulp = exact(a) ? undefined : ulpOf(a.dtype);
  const statistics = identical ? nothingDiffers : distribution(x, y, ulp);
  const rankings = rule.topK && topK(a, b, rule.topK);
  const reasons: Reason[] = [];
  if (tally.nan > 0) reasons.push(tally.nan > tally.nanInBoth ? 'nan' : 'nan-in-both');
  if (tally.infinite > 0) reasons.push('infinity');
  if (tally.violations > tally.nan + tally.infinite || (exact(a) && !identical)) reasons.push('elements');
  if (statistics.relativeL2 > precise.relativeL2) reasons.push('relative-l2');
  if (rankings?.some(r => r.agreement < (rule.minAgreement ?? 0))) reasons.push('top-k');
  const worst = identical || tally.worst < 0 ? undefined : at(a, tally.worst, wideA ?? x, wideB ?? y);
  return {
    same: reasons.length === 0,
    identical,
    reasons,
    elements: x.length,
    violations: tally.violations,
    ...spelled(statistics, ulp !== undefined),
    ...(wideA && { maxAbs: tally.required }),
    worst,
    requiredAtol: json(tally.required),
    ...(rankings && { topK: rankings }),
  };
}

/** Statistics as JSON can hold them. */
function spelled({ histogram, maxUlp, meanUlp, p99Ulp, ...rest }: Distribution, inUlp: boolean) {
  const ulps = { maxUlp, meanUlp, p99Ulp };
  const numbers = Object.fromEntries(Object.entries(rest).map(([name, x]) => [name, json(x)])) as Record<keyof typeof rest, JsonNumber>;
  const spell = ([name, x]: [string, number]) => [name, inUlp ? json(x) : undefined];
  return {
    ...numbers,
    ...(Object.fromEntries(Object.entries(ulps).map(spell)) as Record<keyof typeof ulps, JsonNumber | undefined>),
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

const nothingCounted: Tally = { violations: 0, nan: 0, nanInBoth: 0, infinite: 0, worst: -1, required: 0 };

/** numpy's rule, element by element, counted. */
function count(x: ArrayLike<number>, y: ArrayLike<number>, rule: Rule): Tally {
  const tally: Tally = { ...nothingCounted };
  let [largest, beyond] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < x.length; i++) {
    const a = x[i]!;
    const b = y[i]!;
    if (a === b) continue;
    const nan = Number.isNaN(a) || Number.isNaN(b);
    if (nan && rule.equalNan && Number.isNaN(a) && Number.isNaN(b)) continue;
    const infinite = !nan && (Math.abs(a) === Number.POSITIVE_INFINITY || Math.abs(b) === Number.POSITIVE_INFINITY);
    const excess = nan || infinite ? Number.POSITIVE_INFINITY : Math.abs(a - b) - rule.rtol * Math.abs(a);
    const atol = atolAt(rule, i);
    largest = Math.max(largest, excess);
    if (excess - atol > beyond) {
      beyond = excess - atol;
      tally.worst = i;
    }
    if (excess <= atol) continue;
    tally.violations++;
    if (nan) tally.nan++;
    if (nan && Number.isNaN(a) && Number.isNaN(b)) tally.nanInBoth++;
    if (infinite) tally.infinite++;
  }
  tally.required = Math.max(0, largest);
  return tally;
}

function atolAt({ atol, slices = [] }: Rule, i: number): number {
  let own = atol;
  for (const { stride, size, atol: of } of slices) own = Math.min(own, of[Math.floor(i / stride) % size]!);
  return own;
}

function compareStrings(a: Tensor, b: Tensor): Comparison {
  const theirs = b.strings();
  const different = a.strings().flatMap((s, i) => (Buffer.compare(s, theirs[i]!) === 0 ? [] : [i]));
  const [first] = different;
  const text = (t: Tensor, i: number) => Buffer.from(t.strings()[i]!).toString();
  const worst = first === undefined ? undefined : { index: indexOf(a.dims, first), expected: text(a, first), actual: text(b, first) };
  const same = different.length === 0;
  const statistics = spelled(nothingDiffers, false);
  return {
    ...statistics,
    requiredAtol: 0,
    same,
    identical: same,
    reasons: same ? [] : ['elements'],
    elements: a.size,
    violations: different.length,
    worst,
  };
}

function incomparable(a: Tensor, reason: Reason): Comparison {
  const unknown = Object.fromEntries(Object.keys(nothingDiffers).map(name => [name, Number.NaN])) as unknown as Distribution;
  const counts = { elements: a.size, violations: a.size, worst: undefined, requiredAtol: 'NaN' } as const;
  return { same: false, identical: false, reasons: [reason], ...spelled({ ...unknown, histogram: [] }, false), ...counts };
}

function at(t: Tensor, i: number, x: ArrayLike<number | bigint>, y: ArrayLike<number | bigint>): Worst {
  const spell = (v: number | bigint) => (typeof v === 'number' ? json(v) : Number.isSafeInteger(Number(v)) ? Number(v) : String(v));
  return { index: indexOf(t.dims, i), expected: spell(x[i]!), actual: spell(y[i]!) };
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

/** A number in words: as many digits as mean something. */
export const short = (x: JsonNumber): string => (typeof x === 'number' && x !== 0 ? x.toExponential(1) : String(x));

/** The number that `json` wrote. */
export function number(x: JsonNumber): number {
  return Number(x);
}
