/** Statistics of a − b over the elements that are finite in both. */
export interface Distribution {
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** 99th percentile of |a − b|, over at most 2^18 evenly spaced elements. */
  readonly p99Abs: number;
  readonly maxRel: number;
  readonly relativeL2: number;
  readonly cosine: number;
  readonly snrDb: number;
  readonly psnrDb: number;
  /** Elements by the decade of |a − b|, those that do not differ left out; ascending. */
  readonly histogram: readonly (readonly [decade: number, elements: number])[];
}

const sampleLimit = 1 << 18;

export function distribution(a: ArrayLike<number>, b: ArrayLike<number>): Distribution {
  // Squares of large or tiny float64 numbers leave the range, so everything is measured in units of the largest magnitude.
  let unit = 0;
  for (let i = 0; i < a.length; i++) if (finite(a[i]!, b[i]!)) unit = Math.max(unit, Math.abs(a[i]!), Math.abs(b[i]!));
  if (unit === 0) unit = 1;
  const decades = new Map<number, number>();
  const s = { n: 0, abs: 0, max: 0, rel: 0, peak: 0, aa: 0, bb: 0, ab: 0, dd: 0 };
  for (let i = 0; i < a.length; i++) {
    if (!finite(a[i]!, b[i]!)) continue;
    const x = a[i]! / unit;
    const y = b[i]! / unit;
    const d = Math.abs(x - y);
    s.n++;
    s.aa += x * x;
    s.bb += y * y;
    s.ab += x * y;
    s.peak = Math.max(s.peak, Math.abs(x));
    if (d === 0) continue;
    const decade = Math.floor(Math.log10(Math.abs(a[i]! - b[i]!)));
    decades.set(decade, (decades.get(decade) ?? 0) + 1);
    s.abs += d;
    s.dd += d * d;
    s.max = Math.max(s.max, d);
    s.rel = Math.max(s.rel, d / Math.abs(x));
  }
  const relativeL2 = s.dd === 0 ? 0 : Math.sqrt(s.dd / s.aa);
  return {
    maxAbs: s.max * unit,
    meanAbs: s.n === 0 ? 0 : (s.abs / s.n) * unit,
    p99Abs: s.dd === 0 ? 0 : p99(a, b),
    maxRel: s.rel,
    relativeL2,
    cosine: s.dd === 0 ? 1 : s.aa === 0 || s.bb === 0 ? 0 : s.ab / Math.sqrt(s.aa * s.bb),
    snrDb: s.dd === 0 ? Number.POSITIVE_INFINITY : -20 * Math.log10(relativeL2),
    psnrDb: s.dd === 0 ? Number.POSITIVE_INFINITY : 20 * Math.log10(s.peak / Math.sqrt(s.dd / s.n)),
    histogram: [...decades].sort(([x], [y]) => x - y),
  };
}

function p99(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const step = Math.ceil(a.length / sampleLimit);
  const sample = new Float64Array(Math.ceil(a.length / step));
  let n = 0;
  for (let i = 0; i < a.length; i += step) if (finite(a[i]!, b[i]!)) sample[n++] = Math.abs(a[i]! - b[i]!);
  const sorted = sample.subarray(0, n).sort();
  return sorted[Math.max(0, Math.ceil(0.99 * n) - 1)] ?? 0;
}

/** Whether a NaN or an infinity is involved; `x - x` is NaN for both. */
function finite(a: number, b: number): boolean {
  return a - a === 0 && b - b === 0;
}
