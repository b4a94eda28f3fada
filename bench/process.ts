import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

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

/** Peak resident memory in bytes, from Linux's /proc. */
export interface Peaks {
  readonly own: number;
  /** Of the child that takes most. */
  readonly children: number;
  /** Of a process and its children, at one time. */
  readonly together: number;
}

/** Runs Node and watches it and its children. */
export async function peaks(args: readonly string[]): Promise<Peaks> {
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  let [own, children, together] = [0, 0, 0];
  const watch = setInterval(() => {
    const others = listed(`/proc/${child.pid}/task/${child.pid}/children`).split(' ').filter(Boolean);
    own = Math.max(own, memoryOf(child.pid, 'VmHWM'));
    children = Math.max(children, ...others.map(pid => memoryOf(pid, 'VmHWM')));
    together = Math.max(
      together,
      [child.pid, ...others].reduce<number>((sum, pid) => sum + memoryOf(pid, 'VmRSS'), 0),
    );
  }, 5);
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) throw new Error(`${args.join(' ')} failed (${code})`);
  return { own, children, together };
}

function memoryOf(pid: number | string | undefined, name: 'VmHWM' | 'VmRSS'): number {
  return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(listed(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
}

/** A file of /proc; empty where the process has ended. */
function listed(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}
