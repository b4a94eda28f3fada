import type { ChalkInstance } from 'chalk';
import { type ConfigurationTimes, type LatencyRatio, type Measurement, type ModelTimes, nameOf } from '../measure/measurement.ts';
import { answer, circumstances, fixed, memoryText, milliseconds } from './bench-words.ts';
import { bytes, plain } from './format.ts';
import { table } from './table.ts';

/** A measurement for people: its first lines are the answer. */
export function benchText(measurement: Measurement, colors: ChalkInstance): string {
  const { a, b, complete, configurations, findings, warnings } = measurement;
  const lines = [`${plain(a.label)} → ${plain(b.label)}`];
  if (!complete) lines.push(`  ${colors.yellow('!')} interrupted: this is what was measured until then`);
  for (const c of configurations) lines.push(`  ${plain(nameOf(c, configurations))}: ${painted(c.latency, colors)}`);
  for (const f of findings) lines.push(`  ${colors.red('✗')} ${plain(f.where)}: ${f.message} ${colors.dim(`[${f.code}]`)}`);
  for (const w of warnings) lines.push(`  ${colors.yellow('!')} ${plain(w.where)}: ${w.message} ${colors.dim(`[${w.code}]`)}`);
  if (configurations.length > 0) lines.push('', timesTable(configurations, colors));
  lines.push('', ...circumstances(measurement).map(line => colors.dim(plain(line))));
  return `${lines.join('\n')}\n`;
}

function painted(latency: LatencyRatio, colors: ChalkInstance): string {
  const { difference } = latency;
  const paint = difference === 'faster' ? colors.green : difference === 'slower' ? colors.red : (text: string) => text;
  return paint(answer(latency));
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
