import chalk from 'chalk';
import { progressBar } from '../src/cli/progress.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { table } from '../src/report/table.ts';
import { Runtime } from '../src/runtime/session.ts';
import type { VerifyOptions } from '../src/verify/verify.ts';
import { type Checked, checkGolden, checkNetwork } from './check-exact.ts';
import type { Form } from './forms.ts';
import { matching } from './globs.ts';
import { allNetworks, corpusFiles } from './networks.ts';
import { recorder } from './recorder.ts';

export interface ExactOptions {
  /** Globs, separated by commas. */
  readonly networks: string;
  readonly provider: string | undefined;
  readonly layers: boolean;
  readonly jsonl: string | undefined;
}

/** Forms for models that can't be framed, or need not be. */
const unframed: readonly Form[] = ['plain', 'funnel', 'activated'];

/** Rewrites that are right, and whether verify lets them pass. Exit code 1 when it flags one, or compares none. */
export async function exactMain({ networks: glob, provider, layers, jsonl }: ExactOptions): Promise<void> {
  const runtime = new Runtime();
  const bar = await progressBar();
  const options: VerifyOptions = { layers, ...(provider && { providers: [provider], kinds: ['normal', 'flips'] }) };
  const wanted = matching(glob);
  const chosen = <T>(all: Readonly<Record<string, T>>) => Object.entries(all).filter(([name]) => wanted(name));
  const checked: Checked[] = [];
  const record = recorder<Checked>(jsonl);
  const note = (c: Checked) => {
    checked.push(c);
    record(c);
    bar.update(checked.length, checked.length, `${c.network}: ${c.rewrite}`);
  };
  if (wanted('golden')) for await (const c of checkGolden(runtime, options)) note(c);
  for (const [name, make] of chosen(allNetworks())) for await (const c of checkNetwork(runtime, name, await make(), options)) note(c);
  for (const [name, make] of chosen(corpusFiles()))
    for await (const c of checkNetwork(runtime, name, await make(), options, unframed)) note(c);
  bar.stop();
  await Promise.all([runtime.close(), closeFactRuntime()]);
  report(checked);
}

function report(checked: readonly Checked[]): void {
  const flagged = checked.filter(c => c.status === 'different');
  const uncompared = checked.filter(c => c.status !== 'different' && c.status !== 'same');
  const rows = [...new Set(checked.map(c => c.network))].map(network => {
    const own = checked.filter(c => c.network === network);
    const count = (test: (c: Checked) => boolean) => String(own.filter(test).length);
    const used = Math.max(...own.map(c => c.used));
    const numbers = [count(() => true), count(c => c.identical), used.toPrecision(2)];
    return [network, ...numbers, count(c => flagged.includes(c)), count(c => uncompared.includes(c))];
  });
  console.log(table(['network', 'rewrites', 'bit-identical', 'of tolerance', 'flagged', 'not compared'], rows, chalk));
  for (const c of flagged) console.log(`flagged: ${c.network}: ${c.rewrite}: ${c.summary}`);
  for (const c of uncompared) console.log(`not compared: ${c.network}: ${c.rewrite}: ${c.summary}`);
  const compared = checked.length - uncompared.length;
  console.log(`${compared} exact rewrites, ${flagged.length} flagged${uncompared.length > 0 ? `, ${uncompared.length} not compared` : ''}`);
  process.exitCode = flagged.length > 0 || compared === 0 ? 1 : 0;
}
