import { writeFileSync } from 'node:fs';
import chalk from 'chalk';
import { progressBar } from '../src/cli/progress.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { table } from '../src/report/table.ts';
import { Runtime } from '../src/runtime/session.ts';
import { matching } from './globs.ts';
import { breakIn, type Fate, fates, type Mutant, Subject } from './judge.ts';
import { kinds } from './kinds.ts';
import { allNetworks } from './networks.ts';

export interface BreakOptions {
  /** Globs, separated by commas. */
  readonly networks: string;
  readonly kinds: string;
  readonly sites: number;
  readonly provider: string | undefined;
  readonly json: string | undefined;
}

/** Networks broken in every way, and whether verify sees it. Exit code 1 when a mistake escapes. */
export async function breakMain(options: BreakOptions): Promise<void> {
  const [isWanted, isNetwork] = [matching(options.kinds), matching(options.networks)];
  const chosen = kinds.filter(kind => isWanted(kind.name));
  const networks = Object.entries(allNetworks()).filter(([name]) => isNetwork(name));
  const where = options.provider ? { providers: [options.provider], optimizations: ['all'] as const } : {};
  const runtime = new Runtime();
  const bar = await progressBar();
  const mutants: Mutant[] = [];
  let done = 0;
  for (const [name, make] of networks) {
    const subject = new Subject(name, make());
    for (const kind of chosen) {
      bar.update(done++, networks.length * chosen.length, `${name}: ${kind.name}`);
      mutants.push(...(await breakIn(subject, kind, { runtime, sites: options.sites, options: where })));
    }
  }
  bar.stop();
  await Promise.all([runtime.close(), closeFactRuntime()]);
  report(mutants, networks.length);
  if (options.json) writeFileSync(options.json, JSON.stringify(mutants, undefined, 1));
  if (mutants.some(m => m.fate === 'escaped')) process.exitCode = 1;
}

function report(mutants: readonly Mutant[], networks: number): void {
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
  console.log(`${broken.length} kinds, ${networks} networks, ${mutants.length} mutants: ${totals}`);
}
