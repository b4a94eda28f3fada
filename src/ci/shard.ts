import { createHash } from 'node:crypto';
import type { Plan } from '../verify/report.ts';

/** Part `index`, from 1 on, of `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Parts that a run may have: each is a machine. */
export const mostShards = 10_000;

/** Which part the case at `position` falls into: cards dealt out one by one, so that a case more at the end moves no other. */
export const shardAt = (position: number, count: number): number => (position % count) + 1;

/** The cases of one part. */
export function ofShard<T>(cases: readonly T[], { index, count }: Shard): T[] {
  return cases.filter((_, position) => shardAt(position, count) === index);
}

/** How many of a plan's cases fall into one part. */
export const sizeOfShard = ({ cases }: Plan, { index, count }: Shard): number => Math.max(0, Math.ceil((cases - index + 1) / count));

/** What tells a plan from others: its cases, by name and in order. */
export function planOf(names: readonly string[]): Plan {
  return { cases: names.length, sha256: createHash('sha256').update(JSON.stringify(names)).digest('hex') };
}

/** What `ofShard` took apart: parts by index, from 1 on. One that is not there, or ends early, leaves a gap that closes. */
export function interleave<T>(parts: ReadonlyMap<number, readonly T[]>, count: number): T[] {
  const positioned = [...parts].flatMap(([index, cases]) => cases.map((c, i) => [i * count + index, c] as const));
  return positioned.sort(([x], [y]) => x - y).map(([, c]) => c);
}
