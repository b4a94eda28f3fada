import type { Finding } from '../verify/verdict.ts';
import type { ConfigurationTimes, LatencyRatio, MemoryRatio, ModelTimes } from './measurement.ts';
import type { Samples } from './race.ts';
import { median, medianInterval } from './statistics.ts';

/** What B may take, as a multiple of what A takes. */
export interface Budgets {
  readonly maxRatio?: number | undefined;
  readonly maxMemoryRatio?: number | undefined;
}

/**
 * B's time over A's. Round by round, since what slows a round down slows both, and cancels out; then launch by launch: all rounds of one share
 * its luck (addresses, caches, threads), so that a hundred of them tell no more about the next launch than their median does.
 */
export function latencyRatio(launches: readonly Pick<Samples, 'a' | 'b'>[]): LatencyRatio {
  const ratios = launches.map(({ a, b }) => median(b.map((time, round) => time / a[round]!)));
  const interval = medianInterval(ratios);
  return { ratio: median(ratios), low: interval?.low, high: interval?.high, difference: differenceOf(interval), launches: ratios };
}

function differenceOf(interval: ReturnType<typeof medianInterval>): LatencyRatio['difference'] {
  if (!interval) return 'unknown';
  return interval.low > 1 ? 'slower' : interval.high < 1 ? 'faster' : 'none';
}

/** B's peak memory over A's: an allocator's moods make some per cent from launch to launch. Undefined where memory can't be measured. */
export function memoryRatio(a: ModelTimes, b: ModelTimes): MemoryRatio | undefined {
  if (a.peakMemory === 0 || b.peakMemory === 0) return undefined;
  const [ofA, ofB] = [a.launches.map(l => l.peakMemory), b.launches.map(l => l.peakMemory)];
  return {
    ratio: b.peakMemory / a.peakMemory,
    low: Math.min(...ofB) / Math.max(...ofA),
    high: Math.max(...ofB) / Math.min(...ofA),
  };
}

/** The budgets that B exceeds beyond doubt, that is with the least that its ratio can be. */
export function overBudget(
  where: string,
  { latency, memory }: Pick<ConfigurationTimes, 'latency' | 'memory'>,
  budgets: Budgets,
): Finding[] {
  const exceeded = (
    code: string,
    what: string,
    found: { ratio: number; low: number | undefined } | undefined,
    limit: number | undefined,
  ) => {
    if (limit === undefined || found?.low === undefined || found.low <= limit) return [];
    const message = `B takes ${found.ratio.toFixed(3)} of A's ${what}, ${found.low.toFixed(3)} at least; ${limit} is allowed`;
    return [{ code, where, message }];
  };
  return [
    ...exceeded('latency-budget', 'time', latency, budgets.maxRatio),
    ...exceeded('memory-budget', 'peak memory', memory, budgets.maxMemoryRatio),
  ];
}
