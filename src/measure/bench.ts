import { cpus, loadavg } from 'node:os';
import { FunnelError, ProviderUnavailable } from '../errors.ts';
import { type Shapes, shapeCases } from '../infer/shapes.ts';
import { checkProviderName } from '../runtime/providers.ts';
import { type ModelInterface, type Optimization, Runtime, type RuntimeOptions } from '../runtime/session.ts';
import type { Comparand } from '../verify/comparand.ts';
import { factsOf } from '../verify/facts.ts';
import { generate } from '../verify/inputs.ts';
import { matchInterfaces, spell } from '../verify/interface.ts';
import type { Finding } from '../verify/verdict.ts';
import { contest, type Named, named } from './contest.ts';
import { type Budgets, overBudget } from './judge.ts';
import { type ConfigurationTimes, type Environment, type Measurement, nameOf } from './measurement.ts';
import { unlessAborted } from './race.ts';
import { fewestForInterval } from './statistics.ts';

export interface BenchOptions extends Budgets {
  /** Execution providers; default `['cpu']`. */
  readonly providers?: readonly string[];
  /** Optimisation levels on each of them; default `['all']`. */
  readonly optimizations?: readonly Optimization[];
  /** Sizes of symbolic dimensions; default 2 for a first dimension, 32 for others. Each combination is measured. */
  readonly shapes?: Shapes;
  /** Seed of the inputs, which are normal; default 0. */
  readonly seed?: number;
  /** Threads inside an operator; default: ONNX Runtime's choice. */
  readonly threads?: number;
  /** Rounds, each of which runs either model; default 24, or as many as fit into `seconds`. */
  readonly runs?: number;
  /** Seconds after which no round begins, once there are six of them; for each configuration. */
  readonly seconds?: number;
  /** How often either process is launched anew: rounds are shared among launches; default 6, the fewest that tell a difference. */
  readonly launches?: number;
  /** Limits for the runtimes. */
  readonly runtime?: RuntimeOptions;
  /** Ends the measuring: what was measured until then is returned. */
  readonly signal?: AbortSignal;
  /** Called before each configuration and after each round: rounds (or seconds) so far, in all, and what comes now. */
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

const DEFAULT_ROUNDS = 24;
const DEFAULT_LAUNCHES = fewestForInterval;

/**
 * Measures how long two models take and what memory, on the same inputs: each has a process of its own, and they run in turn.
 * @throws FunnelError `E_USAGE` for models whose inputs differ and for options that contradict the models; ProviderUnavailable;
 * RuntimeFailure for a model that does not run.
 */
export async function bench(a: Comparand, b: Comparand, options: BenchOptions = {}): Promise<Measurement> {
  const { seed = 0, threads, seconds, signal, providers = ['cpu'], optimizations = ['all'], onProgress = () => {} } = options;
  checkOptions(options);
  const load = loadavg()[0] ?? 0;
  const [modelA, modelB] = [
    { ...a, label: a.label ?? 'A' },
    { ...b, label: b.label ?? 'B' },
  ];
  const { edges, onnxruntime } = (await unlessAborted(signal, examine(modelA, modelB, providers, options))) ?? {};
  const cases = edges ? shapeCases(edges.a.inputs, options.shapes ?? {}) : [];
  for (const shapes of cases) checkShapes(edges!.b, shapes, modelB.label);
  const jobs = [...new Set(providers)].flatMap(provider =>
    [...new Set(optimizations)].flatMap(optimization => cases.map(shapes => ({ provider, optimization, shapes }))),
  );

  const rounds = options.runs ?? (seconds === undefined ? DEFAULT_ROUNDS : Number.POSITIVE_INFINITY);
  const parts = Number.isFinite(rounds) ? rounds : Math.ceil(seconds!);
  const { integers } = await factsOf(modelA);
  const configurations: ConfigurationTimes[] = [];
  for (const [i, job] of jobs.entries()) {
    if (signal?.aborted) break;
    const progress = (done: number, what: string) => onProgress(i * parts + done, jobs.length * parts, what);
    progress(0, `${job.provider} ${job.optimization}: loading`);
    let start: number | undefined;
    const how = {
      rounds,
      launches: Math.min(options.launches ?? DEFAULT_LAUNCHES, rounds),
      milliseconds: (seconds ?? Number.POSITIVE_INFINITY) * 1000,
      least: fewestForInterval,
      clock: () => performance.now(),
      signal,
      onRound(done: number) {
        start ??= performance.now();
        progress(
          Number.isFinite(rounds) ? done : Math.min(parts, Math.floor((performance.now() - start) / 1000)),
          `${job.provider} ${job.optimization}`,
        );
      },
    };
    const [set] = generate(edges!.a.inputs, [job.shapes], ['normal'], seed, integers);
    const times = await contest(modelA, modelB, { ...job, threads, feeds: set!.feeds(), runtime: options.runtime }, how);
    if (times) configurations.push(times);
  }
  const environment = environmentOf(onnxruntime ?? 'unavailable', load);
  return {
    schema: 'onnx-funnel/bench@1',
    complete: !signal?.aborted,
    a: { label: modelA.label },
    b: { label: modelB.label },
    seed,
    threads,
    configurations,
    findings: configurations.flatMap(c => overBudget(nameOf(c, configurations), c, options)),
    warnings: busy(environment),
    environment,
  };
}

/** What both models take in, and whether each provider is there: before the first of them is measured. */
async function examine(a: Named, b: Named, providers: readonly string[], options: BenchOptions) {
  const runtime = new Runtime(options.runtime);
  try {
    const { version, backends } = await runtime.describe();
    const edges = { a: await named(a.label, () => runtime.outputTypes(a)), b: await named(b.label, () => runtime.outputTypes(b)) };
    checkInputs(edges.a, edges.b);
    for (const provider of providers) {
      const probe = await runtime.probe(provider);
      const names = backends.map(backend => backend.name);
      if (!probe.available) throw new ProviderUnavailable(provider, probe.why, names, probe.remedy);
    }
    return { edges, onnxruntime: version };
  } finally {
    await runtime.close();
  }
}

/** @throws FunnelError `E_USAGE` */
function checkOptions({ providers = [], runs, launches, seconds, maxRatio, maxMemoryRatio }: BenchOptions): void {
  for (const provider of providers) checkProviderName(provider);
  if (runs !== undefined && !(runs >= 1)) throw new FunnelError('E_USAGE', `${runs} runs measure nothing: ask for one at least`);
  if (launches !== undefined && !(launches >= 1))
    throw new FunnelError('E_USAGE', `${launches} launches measure nothing: ask for one at least`);
  if (seconds !== undefined && !(seconds > 0)) throw new FunnelError('E_USAGE', `${seconds} seconds measure nothing: give more`);
  if (maxRatio !== undefined && runs !== undefined && runs < fewestForInterval)
    throw new FunnelError('E_USAGE', `${runs} runs can't tell beyond doubt that B is slower: ask for ${fewestForInterval} at least`);
  if (maxRatio !== undefined && launches !== undefined && launches < fewestForInterval)
    throw new FunnelError(
      'E_USAGE',
      `${launches} launches can't tell beyond doubt that B is slower: ask for ${fewestForInterval} at least`,
    );
  if (maxMemoryRatio !== undefined && process.platform !== 'linux')
    throw new FunnelError('E_USAGE', 'memory is measured on Linux only: leave its budget out here');
}

/** @throws FunnelError `E_USAGE` for models that can't be fed alike. */
function checkInputs(a: ModelInterface, b: ModelInterface): void {
  const edge = ({ inputs }: ModelInterface): ModelInterface => ({ inputs, outputs: [] });
  // Shapes are a matter of the sizes that are fed.
  const findings = matchInterfaces(edge(a), edge(b), new Set()).differences.filter(f => f.code !== 'input-shape');
  if (findings.length === 0) return;
  const list = findings.map(f => `${f.where} ${f.message}`).join('; ');
  throw new FunnelError('E_USAGE', `the models' inputs differ, so they can't be measured on the same values: ${list}`);
}

/** @throws FunnelError `E_USAGE` for sizes that A takes and B does not. */
function checkShapes(b: ModelInterface, shapes: Readonly<Record<string, readonly number[]>>, label: string): void {
  for (const { name, shape } of b.inputs) {
    const fed = shapes[name]!;
    const fits = shape.length === 0 || (shape.length === fed.length && shape.every((d, i) => typeof d !== 'number' || d === fed[i]));
    if (fits) continue;
    const [takes, given] = [spell(shape), spell(fed)];
    throw new FunnelError('E_USAGE', `${label} takes ${takes} as input '${name}', not ${given}: --shape gives sizes that both models take`);
  }
}

function environmentOf(onnxruntime: string, load: number): Environment {
  const processors = cpus();
  return {
    onnxruntime,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    load,
  };
}

function busy({ load, cores }: Environment): Finding[] {
  if (load < cores / 2) return [];
  const message = `${load.toFixed(1)} processes wanted to run on ${cores} cores before the start: times are longer, and ratios less certain`;
  return [{ code: 'busy', where: 'machine', message }];
}
