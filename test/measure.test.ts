import { describe, expect, test } from 'vitest';
import { latencyRatio, memoryRatio, overBudget } from '../src/measure/judge.ts';
import type { ModelTimes } from '../src/measure/measurement.ts';
import { type Pace, type Runner, race } from '../src/measure/race.ts';
import { median, medianInterval, quantile } from '../src/measure/statistics.ts';
import { normal } from '../src/tensor/random.ts';

const range = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('statistics', () => {
  test('quantiles are interpolated', () => {
    expect([0, 0.1, 0.5, 0.9, 1].map(share => quantile([30, 10, 20, 40, 50], share))).toEqual([10, 14, 30, 46, 50]);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([7], 0.9)).toBe(7);
    expect(median([])).toBeNaN();
  });

  // The ranks in tables of the sign test's interval, 95 %.
  test.each([
    [6, 1],
    [8, 1],
    [9, 2],
    [20, 6],
    [50, 18],
    [100, 40],
  ])('of %i values the interval begins with number %i', (n, rank) => {
    expect(medianInterval(range(n).reverse())).toEqual({ low: rank, high: n + 1 - rank });
  });

  test('five values say nothing for certain, thousands do', () => {
    expect(medianInterval(range(5))).toBeUndefined();
    expect(medianInterval([])).toBeUndefined();
    const { low, high } = medianInterval(range(4000))!;
    // 2000 ± 1.96 · √4000 / 2
    expect(low).toBeCloseTo(2000 - 62, -1);
    expect(high).toBeCloseTo(2001 + 62, -1);
  });
});

describe('race', () => {
  const log: string[] = [];
  let now = 0;
  const runner = (name: string, milliseconds: number): Runner => ({
    repeat: async times => {
      log.push(`${name}${times}`);
      now += times * milliseconds;
      return Array.from({ length: times }, () => milliseconds);
    },
  });
  const run = async (milliseconds: number, pace: Partial<Pace> = {}) => {
    log.length = now = 0;
    return race(runner('a', milliseconds), runner('b', 2 * milliseconds), {
      rounds: 3,
      milliseconds: Number.POSITIVE_INFINITY,
      least: 0,
      turned: false,
      runsPerSample: undefined,
      clock: () => now,
      signal: undefined,
      onRound: () => {},
      ...pace,
    });
  };

  test('A, B, B, A after two runs that do not count', async () => {
    expect(await run(10)).toEqual({ a: [10, 10, 10], b: [20, 20, 20], runsPerSample: 1 });
    expect(log.join(' ')).toBe('a2 b2 a1 b1 b1 a1 a1 b1');
    await run(10, { turned: true });
    expect(log.join(' ')).toBe('b2 a2 b1 a1 a1 b1 b1 a1');
  });

  test('what is over in no time is run several times for a sample', async () => {
    expect(await run(0.5)).toMatchObject({ runsPerSample: 10, a: [0.5, 0.5, 0.5], b: [1, 1, 1] });
    expect(log.slice(2, 4)).toEqual(['a10', 'b10']);
    expect(await run(0.5, { runsPerSample: 3 })).toMatchObject({ runsPerSample: 3 });
  });

  test('time ends it, but not before there is enough', async () => {
    const forever = { rounds: Number.POSITIVE_INFINITY, milliseconds: 100 };
    expect((await run(10, forever)).a).toHaveLength(4);
    expect((await run(10, { ...forever, least: 6 })).a).toHaveLength(6);
    expect((await run(10, { ...forever, rounds: 2 })).a).toHaveLength(2);
  });

  test('what is interrupted keeps its complete rounds', async () => {
    const controller = new AbortController();
    let rounds = 0;
    const onRound = () => ++rounds === 2 && controller.abort();
    const { a, b } = await run(10, { signal: controller.signal, onRound, rounds: 9 });
    expect([a, b]).toEqual([
      [10, 10],
      [20, 20],
    ]);
    expect((await run(10, { signal: AbortSignal.abort() })).a).toEqual([]);
  });
});

describe('judgement', () => {
  const slower = { a: [1, 2, 4, 8, 16, 32], b: [2, 4, 8, 16, 32, 64] };
  const swap = ({ a, b }: typeof slower) => ({ a: b, b: a });
  const six = <T>(launch: T) => range(6).map(() => launch);
  const times = (...peaks: number[]) =>
    ({
      peakMemory: median(peaks),
      launches: peaks.map(peakMemory => ({ peakMemory, load: 1, firstRun: 1, idleMemory: 1 })),
    }) as unknown as ModelTimes;

  test('rounds are compared one by one: what slows both down cancels out', () => {
    expect(latencyRatio(six(slower))).toEqual({ ratio: 2, low: 2, high: 2, difference: 'slower', launches: six(2) });
    expect(latencyRatio(six(swap(slower)))).toEqual({ ratio: 0.5, low: 0.5, high: 0.5, difference: 'faster', launches: six(0.5) });
    const mixed = [0.9, 0.9, 0.9, 1.1, 1.1, 1.2].map(b => ({ a: [1, 1, 1], b: [b, b, 7] }));
    expect(latencyRatio(mixed)).toMatchObject({ ratio: 1, low: 0.9, high: 1.2, difference: 'none' });
    const unknown = { low: undefined, high: undefined, difference: 'unknown' };
    expect(latencyRatio([{ a: [1], b: [3] }])).toMatchObject({ ratio: 3, ...unknown });
    // However many rounds they have: those of one launch are no witnesses of another.
    expect(latencyRatio(range(5).map(() => slower))).toMatchObject({ ratio: 2, ...unknown });
  });

  test.each([6, 7, 9, 12])('a model is no slower than itself, in %i launches of which each has luck of its own', launches => {
    const luck = normal('luck', 400_000).values();
    const next = () => luck.next().value!;
    const measure = (factor: number) =>
      latencyRatio(
        range(launches).map(() => {
          const [a, b] = [Math.exp(0.03 * next()), factor * Math.exp(0.03 * next())];
          const rounds = (time: number) => range(10).map(() => time * Math.exp(0.01 * next()));
          return { a: rounds(a), b: rounds(b) };
        }),
      ).difference;
    const trials = range(1000).map(() => measure(1));
    expect(trials.filter(difference => difference !== 'none').length).toBeLessThanOrEqual(50);
    expect(range(100).filter(() => measure(1.2) === 'slower').length).toBeGreaterThan(90);
  });

  test('memory, by launch', () => {
    expect(memoryRatio(times(100, 110, 120), times(120, 132, 150))).toEqual({ ratio: 1.2, low: 1, high: 1.5 });
    expect(memoryRatio(times(0), times(0))).toBeUndefined();
  });

  test('a budget is exceeded beyond doubt, or not', () => {
    const found = {
      latency: { ratio: 1.2, low: 1.06, high: 1.3, difference: 'slower' as const, launches: [1.2] },
      memory: { ratio: 1.2, low: 0.9, high: 1.3 },
    };
    const codes = (maxRatio: number, maxMemoryRatio: number) => overBudget('cpu all', found, { maxRatio, maxMemoryRatio }).map(f => f.code);
    expect(codes(1.05, 0.89)).toEqual(['latency-budget', 'memory-budget']);
    expect(codes(1.06, 0.9)).toEqual([]);
    expect(overBudget('cpu all', found, {})).toEqual([]);
    expect(
      overBudget('cpu all', { latency: { ...found.latency, low: undefined }, memory: undefined }, { maxRatio: 0.5, maxMemoryRatio: 0.5 }),
    ).toEqual([]);
  });
});
