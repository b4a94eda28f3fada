import { spawnSync } from 'node:child_process';

/** One thing to measure: a whole process, from start to exit. */
export interface Contestant {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

export interface Measured {
  readonly name: string;
  /** Median wall time, milliseconds. */
  readonly milliseconds: number;
  /** Median peak resident memory, MB; undefined where /usr/bin/time is not there. */
  readonly megabytes: number | undefined;
}

export const median = (xs: readonly number[]) => [...xs].sort((a, b) => a - b)[Math.floor(xs.length / 2)]!;

/** Runs the contestants one after another, `rounds` times over, so that a noisy moment hits all of them; gives medians. */
export function measure(all: readonly Contestant[], rounds: number, { failures }: { failures?: 'left out' } = {}): Measured[] {
  // A peer that can't do the job at all is no contestant.
  const works = ({ name, command: [file, ...args] }: Contestant) => {
    const fine = failures !== 'left out' || spawnSync(file, args).status === 0;
    if (!fine) console.log(`${name} fails on ${args.at(-2)}, and is left out.`);
    return fine;
  };
  const contestants = all.filter(works);
  const times = contestants.map((): number[] => []);
  const memory = contestants.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { name, command }] of contestants.entries()) {
      const start = performance.now();
      const { status, stderr } = spawnSync('/usr/bin/time', ['-f', 'peak_kb=%M', ...command], { encoding: 'utf8' });
      times[i]!.push(performance.now() - start);
      if (status !== 0) throw new Error(`${name} failed (${status}): ${stderr.slice(-400)}`);
      memory[i]!.push(Number(stderr.match(/peak_kb=(\d+)/)?.[1]) / 1024);
    }
  }
  return contestants.map(({ name }, i) => ({ name, milliseconds: median(times[i]!), megabytes: median(memory[i]!) }));
}
