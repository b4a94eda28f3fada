import { InvalidArgumentError } from 'commander';
import type { GivenTolerances } from '../verify/tolerance.ts';
import { nonNegative } from './options.ts';

/** What `--atol` or `--rtol` said: for all outputs, and for some. */
export interface Tolerances {
  readonly all?: number;
  readonly outputs: ReadonlyMap<string, number>;
}

/** Reads `1e-4` or `output:1e-4`; may be given several times. The name may have colons of its own: the last one counts. */
export function tolerance(text: string, previous: Tolerances = { outputs: new Map() }): Tolerances {
  const at = text.lastIndexOf(':');
  const value = nonNegative(text.slice(at + 1));
  if (at < 0) return { ...previous, all: value };
  return { ...previous, outputs: new Map([...previous.outputs, [text.slice(0, at), value]]) };
}

/** Both, as the library takes them. */
export function tolerancesOf(atol: Tolerances | undefined, rtol: Tolerances | undefined): GivenTolerances {
  const names = new Set([...(atol?.outputs.keys() ?? []), ...(rtol?.outputs.keys() ?? [])]);
  const outputs = Object.fromEntries([...names].map(name => [name, { atol: atol?.outputs.get(name), rtol: rtol?.outputs.get(name) }]));
  return { atol: atol?.all, rtol: rtol?.all, outputs };
}

/** A path; those given before stay. Nothing splits it: it may have commas in it. */
export const paths = (text: string, previous: readonly string[] = []): string[] => [...previous, text];

/** Numbers with commas between them. */
export function numbers(text: string): number[] {
  return text.split(',').map(part => {
    const x = part.trim() === '' ? Number.NaN : Number(part);
    if (!Number.isFinite(x)) throw new InvalidArgumentError('It must be numbers with commas between them.');
    return x;
  });
}

/** Whole numbers from 1 on, with commas between them. */
export function counts(text: string): number[] {
  const all = numbers(text);
  if (!all.every(x => Number.isSafeInteger(x) && x >= 1))
    throw new InvalidArgumentError('It must be whole numbers from 1 on, such as 1,5.');
  return all;
}

/** Numbers to divide by. */
export function divisors(text: string): number[] {
  const all = numbers(text);
  if (!all.every(x => x > 0)) throw new InvalidArgumentError('It must be numbers above 0.');
  return all;
}

/** A number from 0 to 1. */
export function fraction(text: string): number {
  const x = nonNegative(text);
  if (x > 1) throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return x;
}
