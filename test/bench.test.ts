import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chalk } from 'chalk';
import { afterAll, describe, expect, test } from 'vitest';
import { bench, FunnelError, parse } from '../src/index.ts';
import { latencyRatio, memoryRatio, overBudget } from '../src/measure/judge.ts';
import type { Measurement, ModelTimes } from '../src/measure/measurement.ts';
import { type Pace, type Runner, race } from '../src/measure/race.ts';
import { median, medianInterval, quantile, statisticsOf } from '../src/measure/statistics.ts';
import { benchText } from '../src/report/bench-text.ts';
import { benchHtml } from '../src/report/html/bench.tsx';
import { benchSchema } from '../src/report/schema-bench.ts';
import { normal } from '../src/tensor/random.ts';
import { runFunnel } from './support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
copyFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), join(folder, 'tiny.onnxtxt'));

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

describe('bench', () => {
  const double = parse('g (float[N, 3] x, int64[?] i) => (y, z) { y = Add (x, x) z = Neg (i) }');
  const negated = parse('g (float[M, 3] x, int64[?] i) => (y, z) { y = Neg (x) z = Neg (i) }');

  test('both models, in processes of their own, for each size', async () => {
    const seen: string[] = [];
    const measurement = await bench(double, negated, {
      runs: 2,
      launches: 1,
      threads: 1,
      shapes: { symbols: { N: [1, 5] } },
      onProgress: (done, total, what) => seen.push(`${done}/${total} ${what}`),
    });
    expect(benchSchema.parse(JSON.parse(JSON.stringify(measurement)))).toBeTruthy();
    expect(measurement).toMatchObject({ complete: true, threads: 1, seed: 0, findings: [], a: { label: 'A' }, b: { label: 'B' } });
    expect(measurement.configurations.map(c => [c.provider, c.optimization, c.shapes])).toEqual([
      ['cpu', 'all', { x: [1, 3], i: [2] }],
      ['cpu', 'all', { x: [5, 3], i: [2] }],
    ]);
    for (const c of measurement.configurations) {
      expect(c.rounds).toBe(2);
      expect(c.latency).toMatchObject({ ratio: median(c.b.samples.map((t, i) => t / c.a.samples[i]!)), difference: 'unknown' });
      for (const times of [c.a, c.b]) {
        expect(times.samples).toHaveLength(2);
        expect(times.launches).toHaveLength(1);
        expect(times.median).toBe(median(times.samples));
        if (process.platform === 'linux') expect(times.peakMemory).toBeGreaterThan(times.idleMemory / 2);
      }
    }
    expect(seen).toEqual(['0/4 cpu all: loading', '1/4 cpu all', '2/4 cpu all', '2/4 cpu all: loading', '3/4 cpu all', '4/4 cpu all']);
  });

  test('launches share the rounds', async () => {
    const { configurations } = await bench(double, double, { runs: 7 });
    expect(configurations[0]).toMatchObject({ rounds: 7, a: { launches: { length: 6 } }, latency: { launches: { length: 6 } } });
    const { ratio, low, high, launches } = configurations[0]!.latency;
    expect([low, ratio, high]).toEqual([Math.min(...launches), median(launches), Math.max(...launches)]);
    expect(configurations[0]!.a.min).toBe(Math.min(...configurations[0]!.a.samples));
  });

  test('a run that lasts for hours has its sums', () => {
    const samples = { a: new Array<number>(200_000).fill(2), b: new Array<number>(200_000).fill(1) };
    expect(statisticsOf(samples.a)).toEqual({ median: 2, p10: 2, p90: 2, min: 2 });
    expect(latencyRatio([samples]).ratio).toBe(0.5);
  });

  test('what is interrupted is what was measured until then', async () => {
    const controller = new AbortController();
    const onProgress = (done: number) => done === 2 && controller.abort();
    const early = await bench(double, negated, { runs: 50, optimizations: ['all', 'disabled'], signal: controller.signal, onProgress });
    expect(early.complete).toBe(false);
    expect(early.configurations.map(c => [c.optimization, c.rounds])).toEqual([['all', 2]]);
    const never = await bench(double, negated, { signal: AbortSignal.abort() });
    expect(never).toMatchObject({ complete: false, configurations: [] });
    expect(benchText(never, new Chalk({ level: 0 }))).toContain('interrupted');
  });

  test.each<[string, string, RegExp]>([
    ['another name', 'g (float[N, 3] z, int64[?] i) => (y) { y = Neg (z) }', /inputs differ.*'x' is missing in B.*'z' is in B only/],
    ['another type', 'g (double[N, 3] x, int64[?] i) => (y) { y = Neg (x) }', /inputs differ.*input 'x' float became double/],
    ['other sizes', 'g (float[7, 3] x, int64[?] i) => (y) { y = Neg (x) }', /B takes \[7,3\] as input 'x', not \[2,3\].*--shape/],
  ])('inputs that differ are refused: %s', async (_, text, message) => {
    const error = await bench(double, parse(text)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FunnelError);
    expect(error).toMatchObject({ code: 'E_USAGE', message: expect.stringMatching(message) });
  });

  test('a model that does not run is named', async () => {
    const broken = parse('g (float[N, 3] x, int64[?] i) => (y) <int64[1] s = {7}> { y = Reshape (x, s) }');
    await expect(bench(double, broken)).rejects.toThrow(/^B: /);
    await expect(bench(double, double, { runs: 3, maxRatio: 1.1 })).rejects.toThrow('beyond doubt');
    await expect(bench(double, double, { launches: 5, maxRatio: 1.1 })).rejects.toThrow("5 launches can't tell beyond doubt");
  });
});

test('names in a page are harmless, and nothing measured is a page too', () => {
  const nothing = { complete: false, seed: 0, threads: 1, configurations: [], findings: [], warnings: [] };
  const environment = { onnxruntime: '1', node: 'v20', platform: 'linux-x64', processor: '<b>', cores: 2, load: 0 };
  const html = benchHtml({
    schema: 'onnx-funnel/bench@1',
    a: { label: '<script>alert(1)</script>' },
    b: { label: 'B' },
    ...nothing,
    environment,
  });
  expect(html).toContain('Nothing was measured');
  expect(html).toContain('interrupted');
  expect(html).not.toMatch(/<script>alert|<b>/);
});

describe('funnel bench', () => {
  const funnel = (...args: string[]) => runFunnel(['bench', ...args], { cwd: folder });

  test('text: the answer first, then the times, then how they came about', async () => {
    const { code, stdout, stderr } = await funnel('tiny.onnxtxt', 'tiny.onnxtxt', '--runs', '6', '--threads', '1');
    expect([code, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines[0]).toBe('tiny.onnxtxt → tiny.onnxtxt');
    expect(lines[1]).toMatch(/^ {2}cpu all: .*B takes \d\.\d+ of A's time \(95 % interval \d\.\d+ … \d\.\d+\)/);
    expect(stdout).toMatch(/configuration +median +p10 +p90 +min +load +first run +peak memory/);
    expect(stdout).toContain('6 rounds, each the median of');
    expect(stdout).toContain('in 6 launches, on CPU');
    expect(stdout).toMatch(/each the median of \d+ runs \(p10 and p90 are of these medians, not of single runs\)/);
    expect(stdout).toContain('inputs: image 2x3x32x32 (normal, seed 0)');
    expect(stdout).toMatch(/1 thread$/m);
  });

  test('a budget that is exceeded: exit code 1, and JSON all the same', async () => {
    const flags = [
      '--runs',
      '6',
      '--shape',
      'N=1',
      '--max-ratio',
      '1e-6',
      '--json',
      '--report',
      'json=bench.json',
      '--report',
      'html=bench.html',
    ];
    const { code, stdout } = await funnel('tiny.onnxtxt', 'tiny.onnxtxt', ...flags);
    expect(code).toBe(1);
    const measurement = benchSchema.parse(JSON.parse(stdout)) as Measurement;
    expect(JSON.parse(readFileSync(join(folder, 'bench.json'), 'utf8'))).toEqual(measurement);
    const html = readFileSync(join(folder, 'bench.html'), 'utf8');
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain('latency-budget');
    expect(html).toContain('aria-label="Latency: cpu all"');
    expect(measurement.findings.map(f => [f.code, f.where])).toEqual([['latency-budget', 'cpu all']]);
    expect(measurement.configurations[0]!.shapes).toEqual({ image: [1, 3, 32, 32] });
  });

  test('what is wrong is said before anything is measured', async () => {
    writeFileSync(join(folder, 'other.onnxtxt'), '<ir_version: 8, opset_import: ["": 17]> g (float[N] x) => (float[N] y) { y = Neg (x) }');
    const lines = [
      [['tiny.onnxtxt', 'other.onnxtxt'], 2, 'inputs differ'],
      [['tiny.onnxtxt', 'tiny.onnxtxt', '--provider', 'cpuu'], 2, "did you mean 'cpu'?"],
      [['tiny.onnxtxt', 'tiny.onnxtxt', '--shape', 'M=1'], 2, "symbolic dimension 'M'"],
      [['tiny.onnxtxt', 'missing.onnx'], 2, 'missing.onnx'],
      [['tiny.onnxtxt', 'tiny.onnxtxt', '--report', 'json=nowhere/bench.json'], 2, 'nowhere'],
      [['tiny.onnxtxt', 'other.onnxtxt', '--report', 'json=tiny.onnxtxt'], 2, 'would overwrite another file'],
      [['tiny.onnxtxt', 'tiny.onnxtxt', '--report', 'json=x', '--report', 'html=x'], 2, 'would overwrite another file'],
      [['tiny.onnxtxt', 'other.onnxtxt', '--report', 'jsn=x'], 2, "did you mean 'json'?"],
      [['tiny.onnxtxt', 'tiny.onnxtxt', '--provider', process.platform === 'darwin' ? 'dml' : 'coreml'], 3, 'use '],
    ] as const;
    for (const [args, code, message] of lines) {
      const result = await funnel(...args);
      expect([result.code, result.stdout]).toEqual([code, '']);
      expect(result.stderr).toMatch(/^funnel: [^\n]+\n$/);
      expect(result.stderr).toContain(message);
    }
  });
});
