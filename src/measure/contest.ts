import { RuntimeFailure } from '../runtime/failure.ts';
import { Runtime, type RuntimeOptions, type Session, type SessionOptions, type Tensors } from '../runtime/session.ts';
import type { Comparand } from '../verify/comparand.ts';
import type { Configuration } from '../verify/configuration.ts';
import { latencyRatio, memoryRatio } from './judge.ts';
import type { ConfigurationTimes, Launched, ModelTimes } from './measurement.ts';
import { type Pace, race, type Samples, unlessAborted } from './race.ts';
import { median, statisticsOf } from './statistics.ts';

/** A model with the name that errors call it. */
export type Named = Comparand & { readonly label: string };

/** What both models are put through. */
export interface Course extends Configuration {
  readonly threads: number | undefined;
  readonly feeds: Tensors;
  readonly runtime: RuntimeOptions | undefined;
}

/** How long a contest goes on: launches share the rounds and the time; each is a part of it that counts as one. */
export interface Contest extends Pick<Pace, 'rounds' | 'milliseconds' | 'least' | 'clock' | 'signal'> {
  readonly launches: number;
  readonly onRound: (done: number) => void;
}

/**
 * Measures two models in one configuration, each in a process of its own: its memory is its own, and its threads rest between runs.
 * Processes are launched anew a few times, since each has luck of its own.
 * Undefined where the signal aborts before the first round is complete.
 */
export async function contest(a: Named, b: Named, course: Course, how: Contest): Promise<ConfigurationTimes | undefined> {
  const { launches, clock, signal } = how;
  const done: Launch[] = [];
  let rounds = 0;
  const onRound = () => how.onRound(++rounds);
  for (let i = 0; i < launches && !signal?.aborted; i++) {
    const share = (n: number) => Math.ceil((n - rounds) / (launches - i));
    const pace: Pace = {
      rounds: share(how.rounds),
      milliseconds: how.milliseconds / launches,
      least: Math.ceil(how.least / launches),
      turned: i % 2 === 1,
      runsPerSample: done[0]?.samples.runsPerSample,
      clock,
      signal,
      onRound,
    };
    const launched = await launch(a, b, course, pace);
    if (launched) done.push(launched);
  }
  return done.length === 0 ? undefined : summary(done, course);
}

function summary(launches: readonly Launch[], { provider, optimization, feeds }: Course): ConfigurationTimes {
  const [{ contenders, samples }] = launches as readonly [Launch, ...Launch[]];
  const [timesA, timesB] = [timesOf(launches, 'a'), timesOf(launches, 'b')];
  return {
    provider,
    optimization,
    adapter: contenders.a.session.adapter,
    shapes: Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, t.dims])),
    placement: { a: contenders.a.session.placement, b: contenders.b.session.placement },
    rounds: timesA.samples.length,
    runsPerSample: samples.runsPerSample,
    a: timesA,
    b: timesB,
    latency: latencyRatio(launches.map(l => l.samples)),
    memory: memoryRatio(timesA, timesB),
  };
}

function timesOf(launches: readonly Launch[], role: 'a' | 'b'): ModelTimes {
  const samples = launches.flatMap(l => l.samples[role]);
  const launched = launches.map(l => l.launched[role]);
  const typical = (what: keyof Launched) => median(launched.map(l => l[what]));
  return {
    load: typical('load'),
    firstRun: typical('firstRun'),
    ...statisticsOf(samples),
    peakMemory: typical('peakMemory'),
    idleMemory: typical('idleMemory'),
    samples,
    launches: launched,
  };
}

/** Either model in a process of its own, from its start to its end. */
interface Launch {
  readonly contenders: { readonly a: Contender; readonly b: Contender };
  readonly launched: { readonly a: Launched; readonly b: Launched };
  readonly samples: Samples;
}

/** Undefined where the signal aborts before the first round is complete. */
async function launch(a: Named, b: Named, course: Course, pace: Pace): Promise<Launch | undefined> {
  const runtimes = [new Runtime(course.runtime), new Runtime(course.runtime)] as const;
  try {
    const contenders = await unlessAborted(pace.signal, enterBoth([a, b], runtimes, course, pace.turned));
    if (!contenders) return undefined;
    const samples = await race(contenders.a, contenders.b, pace);
    if (samples.a.length === 0) return undefined;
    return { contenders, launched: { a: launchedOf(contenders.a), b: launchedOf(contenders.b) }, samples };
  } finally {
    await Promise.all(runtimes.map(runtime => runtime.close()));
  }
}

/** A loaded model that has run once. */
interface Contender {
  readonly session: Session;
  readonly runtime: Runtime;
  readonly idleMemory: number;
  readonly firstRun: number;
  repeat(times: number): Promise<readonly number[]>;
}

/** One after the other: what one does while it loads must not hold up the other. Neither always comes second. */
async function enterBoth([a, b]: readonly [Named, Named], [forA, forB]: readonly [Runtime, Runtime], course: Course, turned: boolean) {
  const first = await enter(turned ? b : a, turned ? forB : forA, course);
  const second = await enter(turned ? a : b, turned ? forA : forB, course);
  return turned ? { a: second, b: first } : { a: first, b: second };
}

async function enter(model: Named, runtime: Runtime, { provider, optimization, threads, feeds }: Course): Promise<Contender> {
  const options: SessionOptions = { provider, optimization, restBetweenRuns: true, ...(threads !== undefined && { threads }) };
  return named(model.label, async () => {
    await runtime.describe();
    const idleMemory = runtime.peakMemory;
    const session = await runtime.open(model, options);
    const [firstRun] = await session.repeat(1, feeds);
    const repeat = (times: number) => named(model.label, () => session.repeat(times));
    return { session, runtime, idleMemory, firstRun: firstRun!, repeat };
  });
}

function launchedOf({ session, runtime, firstRun, idleMemory }: Contender): Launched {
  return { load: session.loadMilliseconds, firstRun, peakMemory: runtime.peakMemory, idleMemory };
}

/** Says which model a failure is about. */
export async function named<T>(label: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RuntimeFailure) || error.message.startsWith(label)) throw error;
    throw new RuntimeFailure(error.kind, error.category, `${label}: ${error.message}`);
  }
}
