import { median } from './statistics.ts';

/** A model that is ready to run. */
export interface Runner {
  /** Runs it this many times and returns the milliseconds of each run. */
  repeat(times: number): Promise<readonly number[]>;
}

/** How long to go on, and who is told. */
export interface Pace {
  /** Rounds; each gives one sample of either model. */
  readonly rounds: number;
  /** Milliseconds after which no round begins, once there are `least` of them. */
  readonly milliseconds: number;
  readonly least: number;
  /** Whether B comes first in the first round. */
  readonly turned: boolean;
  /** Runs that a sample is the median of; undefined: as many as take a few milliseconds. */
  readonly runsPerSample: number | undefined;
  /** Milliseconds of a clock. */
  readonly clock: () => number;
  readonly signal: AbortSignal | undefined;
  readonly onRound: () => void;
}

/** Milliseconds of one run, one sample a round: the samples of a round belong together. */
export interface Samples {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly runsPerSample: number;
}

/** Runs before the first that counts, after the very first one: they allocate. */
const WARM_UP = 2;

/** Milliseconds that a sample should take: a shorter one would measure how a process wakes up. */
const SAMPLE = 5;

/**
 * Runs two models in turn, in the order A, B, B, A and so on: what disturbs a round disturbs both, and neither always comes second.
 * Where the signal aborts, the rounds that are complete are returned.
 */
export async function race(a: Runner, b: Runner, pace: Pace): Promise<Samples> {
  const times = { a: [] as number[], b: [] as number[] };
  const warm = await unlessAborted(pace.signal, inTurn(a, b, pace.turned, WARM_UP));
  if (!warm) return { ...times, runsPerSample: 1 };
  const quickest = Math.max(Math.min(median(warm.a), median(warm.b)), 1e-3);
  const runsPerSample = pace.runsPerSample ?? Math.ceil(SAMPLE / quickest);
  const start = pace.clock();
  for (let round = 0; round < pace.rounds; round++) {
    if (round >= pace.least && pace.clock() - start >= pace.milliseconds) break;
    const turned = (round % 2 === 1) !== pace.turned;
    const sample = await unlessAborted(pace.signal, inTurn(a, b, turned, runsPerSample));
    if (!sample) break;
    times.a.push(median(sample.a));
    times.b.push(median(sample.b));
    pace.onRound();
  }
  return { ...times, runsPerSample };
}

async function inTurn(a: Runner, b: Runner, turned: boolean, times: number) {
  const first = await (turned ? b : a).repeat(times);
  const second = await (turned ? a : b).repeat(times);
  return turned ? { a: second, b: first } : { a: first, b: second };
}

/** The result of some work, or undefined as soon as the signal aborts: nobody waits for a run that takes minutes. */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T | undefined> {
  if (!signal) return work;
  let stop = () => {};
  const aborted = new Promise<undefined>(resolve => {
    stop = () => resolve(undefined);
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
