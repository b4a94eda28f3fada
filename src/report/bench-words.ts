import { type ConfigurationTimes, type LatencyRatio, type Measurement, nameOf, shapesOf } from '../measure/measurement.ts';
import { bytes, plural } from './format.ts';

/** The ratio in words: `B takes 0.930 of A's time (95 % interval 0.920 … 0.950): faster`. */
export function answer({ ratio, low, high, difference }: LatencyRatio): string {
  const range = low === undefined || high === undefined ? '' : ` (95 % interval ${fixed(low)} … ${fixed(high)})`;
  const takes = `B takes ${fixed(ratio)} of A's time${range}`;
  if (difference === 'none') return `no difference that this machine can tell; ${takes}`;
  return difference === 'unknown' ? `${takes}, in too few launches to tell whether that means anything` : `${takes}: ${difference}`;
}

/** The ratio of peak memories, and what the launches let it be; empty where it can't be measured. */
export function memoryText({ memory, a }: ConfigurationTimes): string {
  if (!memory) return '';
  return a.launches.length === 1 ? fixed(memory.ratio) : `${fixed(memory.ratio)} (${fixed(memory.low)} … ${fixed(memory.high)})`;
}

/** How a measurement came about, line by line. */
export function circumstances({ configurations, environment: e, seed, threads }: Measurement): string[] {
  const machine = `onnxruntime-node ${e.onnxruntime}, ${e.platform}, ${e.processor}, ${plural(e.cores, 'core')}, ${threadsText(threads)}`;
  const [first] = configurations;
  if (!first) return [machine];
  const lines = [
    'A and B in turn, each in a process of its own: A, B, B, A and so on; the ratio is the median of those of the launches, each the median of its rounds',
    machine,
  ];
  for (const c of configurations) {
    const runs =
      c.runsPerSample === 1 ? '' : `, each the median of ${c.runsPerSample} runs (p10 and p90 are of these medians, not of single runs)`;
    const launches = c.a.launches.length === 1 ? 'one launch' : `${c.a.launches.length} launches`;
    lines.push(`${nameOf(c, configurations)}: ${plural(c.rounds, 'round')}${runs}, in ${launches}, on ${c.adapter}`);
  }
  const idle = Math.max(first.a.idleMemory, first.b.idleMemory);
  if (first.memory) lines.push(`memory: of the process, ${bytes(idle)} of it without a model; a GPU's own is not counted`);
  const inputs = new Set(configurations.map(shapesOf));
  lines.push(`inputs: ${[...inputs].join('; ') || 'none'} (normal, seed ${seed})`);
  return lines;
}

function threadsText(threads: number | undefined): string {
  return threads === undefined ? "ONNX Runtime's choice of threads" : plural(threads, 'thread');
}

export const fixed = (ratio: number): string => ratio.toFixed(3);

/** Three digits: what is beyond them is noise. */
export function milliseconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toPrecision(3)} s` : `${ms.toPrecision(3)} ms`;
}
