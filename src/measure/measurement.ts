import type { Optimization, Placement } from '../runtime/session.ts';
import { nameOf as configurationOf } from '../verify/configuration.ts';
import type { Finding } from '../verify/verdict.ts';

/** What one model took in one configuration; times in milliseconds, memory in bytes. */
export interface ModelTimes {
  /** Loading and optimising the model: median of the launches. */
  readonly load: number;
  /** The very first run, which allocates and, on a GPU, compiles shaders: median of the launches. */
  readonly firstRun: number;
  /** Of the samples, as are p10, p90 and the least: where a sample is the median of several runs, the tail of single runs is not in them. */
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly min: number;
  /** Largest resident memory of the model's process, the runtime's own included: median of the launches; 0 where it can't be measured. */
  readonly peakMemory: number;
  /** That of the process before it loaded the model. */
  readonly idleMemory: number;
  /** One for each round, launch after launch: the median of `runsPerSample` runs. */
  readonly samples: readonly number[];
  readonly launches: readonly Launched[];
}

/** One process that loaded the model. */
export interface Launched {
  readonly load: number;
  readonly firstRun: number;
  readonly peakMemory: number;
  readonly idleMemory: number;
}

/** B over A, and the least and the most that the launches let it be. */
export interface MemoryRatio {
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/**
 * B's time over A's.
 * - `slower`, `faster`: the interval lies on one side of 1.
 * - `none`: it holds 1: no difference that this machine can tell.
 * - `unknown`: too few launches for an interval.
 */
export interface LatencyRatio {
  /** Median of those of the launches. */
  readonly ratio: number;
  /** Its 95 % interval, over launches. */
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly difference: 'slower' | 'faster' | 'none' | 'unknown';
  /** The ratio of each launch: median of those of its rounds. */
  readonly launches: readonly number[];
}

export interface ConfigurationTimes {
  readonly provider: string;
  readonly optimization: Optimization;
  readonly adapter: string;
  /** Sizes of the inputs. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Where the nodes ran; undefined on the CPU. */
  readonly placement: { readonly a: Placement | undefined; readonly b: Placement | undefined };
  readonly rounds: number;
  /** Runs that each sample is the median of. */
  readonly runsPerSample: number;
  readonly a: ModelTimes;
  readonly b: ModelTimes;
  readonly latency: LatencyRatio;
  /** B's peak memory over A's; undefined where it can't be measured. */
  readonly memory: MemoryRatio | undefined;
}

/** What two models took, side by side. Plain JSON. */
export interface Measurement {
  readonly schema: 'onnx-funnel/bench@1';
  /** False when it was interrupted: only what was measured until then is here. */
  readonly complete: boolean;
  readonly a: { readonly label: string };
  readonly b: { readonly label: string };
  readonly seed: number;
  /** Threads inside an operator; undefined: ONNX Runtime's choice. */
  readonly threads: number | undefined;
  readonly configurations: readonly ConfigurationTimes[];
  /** Budgets that B exceeds. */
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly environment: Environment;
}

export interface Environment {
  readonly onnxruntime: string;
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly cores: number;
  /** Processes that wanted to run in the last minute before the start; 0 where nobody counts them. */
  readonly load: number;
}

/** Exit code: 1 when B exceeds a budget. */
export function exitCodeOf({ findings }: Pick<Measurement, 'findings'>): 0 | 1 {
  return findings.length > 0 ? 1 : 0;
}

/** `cpu all`, with the sizes of inputs where they tell configurations apart. */
export function nameOf(c: ConfigurationTimes, all: readonly ConfigurationTimes[]): string {
  const name = configurationOf(c);
  const alike = all.filter(other => other.provider === c.provider && other.optimization === c.optimization);
  return alike.length > 1 ? `${name} ${shapesOf(c)}` : name;
}

/** `image 1x3x32x32` */
export function shapesOf({ shapes }: ConfigurationTimes): string {
  return Object.entries(shapes)
    .map(([name, dims]) => `${name} ${dims.join('x') || 'scalar'}`)
    .join(', ');
}
