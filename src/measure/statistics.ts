/** An interval that holds the true value with a probability of 95 %. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Below how many values no interval of the median is certain enough: 2 · 0.5⁵ is more than 5 %. */
export const fewestForInterval = 6;

/** The number below which this share of the values lies, interpolated; NaN where there is none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * share;
  const below = Math.floor(at);
  const [low = Number.NaN, high = low] = sorted.subarray(below, below + 2);
  return low + (high - low) * (at - below);
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Of one sample or of millions. */
export const statisticsOf = (samples: readonly number[]) => ({
  median: median(samples),
  p10: quantile(samples, 0.1),
  p90: quantile(samples, 0.9),
  min: quantile(samples, 0),
});

/**
 * The 95 % interval of a median, whatever the distribution: by the sign test, between two of the values themselves, as far from either
 * end as a fair coin allows. Undefined for fewer than six values.
 */
export function medianInterval(values: readonly number[]): Interval | undefined {
  const n = values.length;
  let inside = -1;
  // Logarithms: 0.5ⁿ is no number for large n.
  for (let k = 0, log = -n * Math.LN2, tail = 0; k < n; log += Math.log((n - k) / (k + 1)), k++) {
    tail += Math.exp(log);
    if (tail > 0.025) break;
    inside = k;
  }
  if (inside < 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  return { low: sorted[inside]!, high: sorted[n - 1 - inside]! };
}
