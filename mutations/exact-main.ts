import { writeFileSync } from 'node:fs';
import chalk from 'chalk';
import { progressBar } from '../src/cli/progress.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { table } from '../src/report/table.ts';
import { Runtime } from '../src/runtime/session.ts';
import type { VerifyOptions } from '../src/verify/verify.ts';
import { type Checked, checkGolden, checkNetwork } from './check-exact.ts';
import { matching } from './globs.ts';
import { allNetworks } from './networks.ts';

export interface ExactOptions {
  readonly networks: string;
  readonly provider: string | undefined;
  readonly json: string | undefined;
}

/** Rewrites that are right, and whether verify lets them pass. Exit code 1 when it flags one. */
export async function exactMain({ networks: glob, provider, json }: ExactOptions): Promise<void> {
  const runtime = new Runtime();
  const bar = await progressBar();
  const options: VerifyOptions = provider ? { providers: [provider], kinds: ['normal', 'flips'] } : {};
  const wanted = matching(glob);
  const checked: Checked[] = [];
  const note = (c: Checked) => {
    checked.push(c);
    bar.update(checked.length, checked.length, `${c.network}: ${c.rewrite}`);
  };
  if (wanted('golden')) for await (const c of checkGolden(runtime, options)) note(c);
  for (const [name, make] of Object.entries(allNetworks()))
    if (wanted(name)) for await (const c of checkNetwork(runtime, name, await make(), options)) note(c);
  bar.stop();
  await Promise.all([runtime.close(), closeFactRuntime()]);

  const flagged = checked.filter(c => c.status !== 'same');
  const rows = [...new Set(checked.map(c => c.network))].map(network => {
    const own = checked.filter(c => c.network === network);
    const identical = own.filter(c => c.identical).length;
    const used = Math.max(...own.map(c => c.used));
    return [network, String(own.length), String(identical), used.toPrecision(2), String(own.filter(c => c.status !== 'same').length)];
  });
  console.log(table(['network', 'rewrites', 'bit-identical', 'of tolerance', 'flagged'], rows, chalk));
  for (const c of flagged) console.log(`flagged: ${c.network}: ${c.rewrite}: ${c.summary}`);
  console.log(`${checked.length} exact rewrites, ${flagged.length} flagged`);
  if (json) writeFileSync(json, JSON.stringify(checked, undefined, 1));
  process.exitCode = flagged.length > 0 ? 1 : 0;
}
