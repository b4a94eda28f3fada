import { existsSync } from 'node:fs';
import type { PassOptions } from '../../passes/index.ts';
import { passes, pipeline } from '../../passes/index.ts';
import { FunnelError } from '../errors.ts';
import type { Pass } from '../rewrite/pass.ts';
import type { CaseConfig, CaseOptions, Config } from './config.ts';

/** One comparison to be made, its options complete. */
export interface PlannedCase {
  /** Unique in the plan. */
  readonly name: string;
  readonly options: CaseOptions;
  readonly models: Pair | Rewriting;
}

export interface Pair {
  readonly a: string;
  readonly b: string;
}

/** A model, and what it is to be held against: itself after these passes. */
export interface Rewriting {
  readonly model: string;
  /** What is done to it, in a word or two. */
  readonly what: string;
  readonly passes: readonly Pass[];
  /** Whether passes run until none fires. */
  readonly fixpoint: boolean;
}

/**
 * The cases of a configuration, in its order; a glob is a case for each file, in the files' order.
 * @param label what errors call the configuration
 * @throws FunnelError `E_USAGE` for a glob that no file matches, and for two cases of one name
 */
export async function planCases({ cases, defaults }: Config, label: string): Promise<PlannedCase[]> {
  const planned: PlannedCase[] = [];
  const places = new Map<string, string>();
  for (const [i, one] of cases.entries()) {
    const place = `cases[${i}]`;
    for (const { name, models, own } of await expand(one, `${label}: ${place}`)) {
      const before = places.get(name);
      if (before !== undefined)
        throw new FunnelError('E_USAGE', `${label}: ${before} and ${place} are both called '${name}': give one of them another name`);
      places.set(name, place);
      planned.push({ name, models, options: { selfCheck: true, ...defaults, ...own } });
    }
  }
  return planned;
}

interface Expanded extends Pick<PlannedCase, 'name' | 'models'> {
  readonly own: CaseOptions;
}

async function expand(one: CaseConfig, place: string): Promise<Expanded[]> {
  if ('a' in one) {
    const { name, a, b, ...own } = one;
    return [{ name: name ?? `${a} → ${b}`, models: { a, b }, own }];
  }
  const { name, model, options, ...rest } = one;
  const { what, make, fixpoint, own } = rewriting(rest, options);
  const files = await filesOf(model, place);
  return files.map(file => {
    const given = name !== undefined && isGlob(model) ? `${name}: ${file}` : name;
    return { name: given ?? `${file} → ${what}`, models: { model: file, what, passes: make(), fixpoint }, own };
  });
}

type Own = CaseOptions & ({ readonly pipeline: string } | { readonly passes: readonly (string | Pass)[] });

function rewriting(rest: Own, options: PassOptions | undefined) {
  if ('pipeline' in rest) {
    const { pipeline: name, ...own } = rest;
    return { what: name, make: () => pipeline(name, options), fixpoint: true, own };
  }
  const { passes: wanted, ...own } = rest;
  const what = wanted.map(p => (typeof p === 'string' ? p : p.name)).join(', ');
  return { what, make: () => wanted.map(p => (typeof p === 'string' ? passes[p]!(options) : p)), fixpoint: false, own };
}

/** A file may have a name that reads like a glob. */
const isGlob = (model: string): boolean => /[*?{}[\]!()]/.test(model) && !existsSync(model);

/** A file that is not there is a verdict; files that nobody can name are not. @throws FunnelError `E_USAGE` */
async function filesOf(model: string, place: string): Promise<string[]> {
  if (!isGlob(model)) return [model];
  const { glob } = await import('tinyglobby');
  const files = await glob(model, { expandDirectories: false, followSymbolicLinks: false });
  if (files.length === 0) throw new FunnelError('E_USAGE', `${place}: no file matches '${model}'`);
  return files.sort();
}
