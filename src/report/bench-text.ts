import type { ChalkInstance } from 'chalk';
import { type ConfigurationTimes, type LatencyRatio, type Measurement, type ModelTimes, nameOf, shapesOf } from '../measure/measurement.ts';
import { bytes, plain, plural } from './format.ts';
import { table } from './table.ts';

/** A measurement for people: its first lines are the answer. */
export function benchText(measurement: Measurement, colors: ChalkInstance): string {
  const { a, b, complete, configurations, findings, warnings } = measurement;
  const lines = [`${plain(a.label)} → ${plain(b.label)}`];
  if (!complete) lines.push(`  ${colors.yellow('!')} interrupted: this is what was measured until then`);
  for (const c of configurations) lines.push(`  ${plain(nameOf(c, configurations))}: ${answer(c.latency, colors)}`);
  for (const f of findings) lines.push(`  ${colors.red('✗')} ${plain(f.where)}: ${f.message} ${colors.dim(`[${f.code}]`)}`);
  for (const w of warnings) lines.push(`  ${colors.yellow('!')} ${w.where}: ${w.message} ${colors.dim(`[${w.code}]`)}`);
  if (configurations.length > 0) lines.push('', timesTable(configurations, colors));
  lines.push('', ...circumstances(measurement).map(line => colors.dim(line)));
  return `${lines.join('\n')}\n`;
}

/** The ratio in words: `B takes 0.93 of A's time (0.92 … 0.95), so it is faster`. */
export function answer({ ratio, low, high, difference }: LatencyRatio, colors: ChalkInstance): string {
  const range = low === undefined || high === undefined ? '' : ` (95 % interval ${fixed(low)} … ${fixed(high)})`;
  const takes = `B takes ${fixed(ratio)} of A's time${range}`;
  switch (difference) {
    case 'faster':
      return colors.green(`${takes}: faster`);
    case 'slower':
      return colors.red(`${takes}: slower`);
    case 'none':
      return `no difference that this machine can tell; ${takes}`;
    case 'unknown':
      return `${takes}, in too few rounds to tell whether that means anything`;
  }
}

function timesTable(configurations: readonly ConfigurationTimes[], colors: ChalkInstance): string {
  const rows = configurations.flatMap(c => [
    [plain(nameOf(c, configurations)), 'A', ...cells(c.a)],
    ['', 'B', ...cells(c.b)],
    ['', 'B / A', fixed(c.latency.ratio), '', '', '', '', '', memoryText(c)],
  ]);
  return table(['configuration', '', 'median', 'p10', 'p90', 'min', 'load', 'first run', 'peak memory'], rows, colors, 2);
}

function cells({ load, firstRun, peakMemory, ...times }: ModelTimes): string[] {
  const memory = peakMemory === 0 ? 'unknown' : bytes(peakMemory);
  return [...[times.median, times.p10, times.p90, times.min, load, firstRun].map(milliseconds), memory];
}

function memoryText({ memory, a }: ConfigurationTimes): string {
  if (!memory) return '';
  return a.launches.length === 1 ? fixed(memory.ratio) : `${fixed(memory.ratio)} (${fixed(memory.low)} … ${fixed(memory.high)})`;
}

function circumstances({ configurations, environment: e, seed, threads }: Measurement): string[] {
  const [first] = configurations;
  const lines = [
    `onnxruntime-node ${e.onnxruntime}, ${e.platform}, ${plain(e.processor)}, ${plural(e.cores, 'core')}, ${threadsText(threads)}`,
  ];
  if (!first) return lines;
  lines.unshift('A and B in turn, each in a process of its own: A, B, B, A and so on; the ratio is the median of those of the rounds');
  for (const c of configurations) {
    const runs = c.runsPerSample === 1 ? '' : `, each the median of ${c.runsPerSample} runs`;
    const launches = c.a.launches.length === 1 ? 'one launch' : `${c.a.launches.length} launches`;
    lines.push(`${plain(nameOf(c, configurations))}: ${plural(c.rounds, 'round')}${runs}, in ${launches}, on ${c.adapter}`);
  }
  const idle = Math.max(first.a.idleMemory, first.b.idleMemory);
  if (first.memory) lines.push(`memory: of the process, ${bytes(idle)} of it without a model; a GPU's own is not counted`);
  const inputs = new Set(configurations.map(c => plain(shapesOf(c))));
  lines.push(`inputs: ${[...inputs].join('; ') || 'none'} (normal, seed ${seed})`);
  return lines;
}

function threadsText(threads: number | undefined): string {
  return threads === undefined ? "ONNX Runtime's choice of threads" : plural(threads, 'thread');
}

const fixed = (ratio: number): string => ratio.toFixed(3);

/** Three digits: what is beyond them is noise. */
function milliseconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toPrecision(3)} s` : `${ms.toPrecision(3)} ms`;
}
