import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chalk } from 'chalk';
import { afterAll, describe, expect, test } from 'vitest';
import { bench, FunnelError, parse } from '../src/index.ts';
import { latencyRatio } from '../src/measure/judge.ts';
import type { Measurement } from '../src/measure/measurement.ts';
import { median, statisticsOf } from '../src/measure/statistics.ts';
import { benchText } from '../src/report/bench-text.ts';
import { benchHtml } from '../src/report/html/bench.tsx';
import { benchSchema } from '../src/report/schema-bench.ts';
import { runFunnel } from './support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
copyFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), join(folder, 'tiny.onnxtxt'));

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
