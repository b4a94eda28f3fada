import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { normal, type Random, random } from '../src/tensor/random.ts';

env.logLevel = 'fatal';

/** A model to measure. */
export interface Contender {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a model took. */
export interface Timing {
  readonly name: string;
  readonly milliseconds: number;
  /** Over the first model's time of the same round: what disturbs a round disturbs both. */
  readonly ratio: number;
}

const median = (xs: readonly number[]): number => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!;

/** Runs before the first that counts: they allocate. */
const WARM_UP = 2;

/**
 * Runs models on ONNX Runtime's CPU provider, fully optimised, on one random image: each once a round, in random order, so that a noisy
 * moment, or what a run leaves in the caches, hits all of them alike. With one thread it is the processor's time that counts, which other
 * programs hardly change; with more it is the clock's, since threads that wait spin.
 */
export async function race(
  contenders: readonly Contender[],
  size: number,
  threads: number,
  rounds: number,
  onRound: (round: number) => void = () => {},
): Promise<Timing[]> {
  const options = {
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Else the threads of one model spin on into the run of the next.
    extra: { session: { force_spinning_stop: '1' } },
  } as const;
  const runners: { readonly session: InferenceSession; readonly times: number[] }[] = [];
  for (const { bytes } of contenders) runners.push({ session: await InferenceSession.create(bytes, options), times: [] });
  const image = new Tensor('float32', Float32Array.from(normal('image', 3 * size * size)), [1, 3, size, size]);
  const clock = threads === 1 ? processorTime : () => performance.now();
  const draw = random('order');
  for (let round = 1; round <= rounds + WARM_UP; round++) {
    for (const { session, times } of shuffled(runners, draw)) {
      const start = clock();
      await session.run({ image });
      if (round > WARM_UP) times.push(clock() - start);
    }
    onRound(round - WARM_UP);
  }
  for (const { session } of runners) await session.release();
  const [base] = runners;
  return runners.map(({ times }, i) => ({
    name: contenders[i]!.name,
    milliseconds: median(times),
    ratio: median(times.map((time, round) => time / base!.times[round]!)),
  }));
}

function shuffled<T>(items: readonly T[], draw: Random): T[] {
  return items
    .map(item => ({ item, key: draw() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
