import chalk from 'chalk';
import { progressBar } from '../src/cli/progress.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { plural } from '../src/report/format.ts';
import { table } from '../src/report/table.ts';
import { Runtime } from '../src/runtime/session.ts';
import type { VerifyOptions } from '../src/verify/verify.ts';
import { matching } from './globs.ts';
import { breakIn, type Fate, fates, type Mutant, Subject } from './judge.ts';
import type { Kind } from './kind.ts';
import { kinds } from './kinds.ts';
import { allNetworks } from './networks.ts';
import { recorder } from './recorder.ts';

export interface BreakOptions {
  /** Globs, separated by commas. */
  readonly networks: string;
  readonly kinds: string;
  readonly sites: number;
  readonly provider: string | undefined;
  readonly jsonl: string | undefined;
}

/** A broken model beside the right one. */
export interface Broken {
  readonly mutant: Mutant;
  readonly kind: Kind;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly runtime: Runtime;
  /** Where they are run. */
  readonly where: VerifyOptions;
}

/** Networks broken in every way, and whether verify sees it. Exit code 1 when a mistake escapes. */
export async function breakMain(options: BreakOptions): Promise<void> {
  const mutants: Mutant[] = [];
  const record = recorder<Mutant>(options.jsonl);
  await breakAll(options, async ({ mutant }) => {
    mutants.push(mutant);
    record(mutant);
  });
  report(mutants);
  if (mutants.some(m => m.fate === 'escaped')) process.exitCode = 1;
}

/** Breaks the networks in the ways that are asked for, and shows each to `visit`. */
export async function breakAll(options: BreakOptions, visit: (broken: Broken) => Promise<void>): Promise<void> {
  const [isWanted, isNetwork] = [matching(options.kinds), matching(options.networks)];
  const chosen = kinds.filter(kind => isWanted(kind.name));
  const networks = Object.entries(allNetworks()).filter(([name]) => isNetwork(name));
  const where: VerifyOptions = options.provider
    ? { providers: [options.provider], optimizations: ['all'] }
    : { optimizations: ['disabled'] };
  const runtime = new Runtime();
  const bar = await progressBar();
  let done = 0;
  for (const [name, make] of networks) {
    const subject = new Subject(name, make());
    for (const kind of chosen) {
      bar.update(done++, networks.length * chosen.length, `${name}: ${kind.name}`);
      const onMutant = (mutant: Mutant, a: Uint8Array, b: Uint8Array) => visit({ mutant, kind, a, b, runtime, where });
      await breakIn(subject, kind, { runtime, sites: options.sites, options: where, onMutant });
    }
  }
  bar.stop();
  await Promise.all([runtime.close(), closeFactRuntime()]);
}

function report(mutants: readonly Mutant[]): void {
  const count = (fate: Fate, list: readonly Mutant[]) => list.filter(m => m.fate === fate).length;
  const broken = kinds.filter(({ name }) => mutants.some(m => m.kind === name));
  const rows = broken.map(({ name, form }) => {
    const own = mutants.filter(m => m.kind === name);
    const seen = own.filter(m => m.fate === 'caught' && m.relativeL2 !== undefined).map(m => m.relativeL2!);
    const numbers = [new Set(own.map(m => m.network)).size, ...fates.map(fate => count(fate, own))];
    return [name, form, ...numbers.map(String), seen.length > 0 ? Math.min(...seen).toExponential(1) : ''];
  });
  console.log(table(['kind', 'form', 'networks', ...fates, 'least L2'], rows, chalk, 2));
  for (const m of mutants.filter(({ fate }) => fate === 'escaped' || fate === 'caught by layers'))
    console.log(`${m.fate}: ${m.kind} in ${m.network}, ${m.where}: relative L2 ${m.relativeL2?.toExponential(1)}: ${m.summary}`);
  const totals = fates.map(fate => `${count(fate, mutants)} ${fate}`).join(', ');
  const networks = new Set(mutants.map(m => m.network)).size;
  console.log(`${broken.length} kinds, ${plural(networks, 'network')}, ${plural(mutants.length, 'mutant')}: ${totals}`);
}
