import type { Model } from '../src/ir/model.ts';
import type { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { type Exact, exactRewrites, goldenRewrites } from './exact.ts';

/** What verify said of a rewrite that is right. */
export interface Checked {
  readonly network: string;
  readonly rewrite: string;
  readonly status: string;
  readonly identical: boolean;
  /** Largest part of its tolerance that an output took up, by relative L2. */
  readonly used: number;
  readonly summary: string;
}

async function check(runtime: Runtime, network: string, { name, a, b }: Exact, options: VerifyOptions): Promise<Checked> {
  const [before, after] = [a, b].map(model => ({ bytes: encode(model, { inline: true }) })) as [
    { bytes: Uint8Array },
    { bytes: Uint8Array },
  ];
  const { status, summary, configurations } = await verify(before, after, { runtime, ...options });
  const shares = configurations.flatMap(c => c.results.map(r => Number(r.comparison.relativeL2) / Number(r.tolerance.relativeL2)));
  const used = Math.max(0, ...shares.filter(Number.isFinite));
  return { network, rewrite: name, status, identical: configurations.every(c => c.identical), used, summary };
}

/** Verifies every exact rewrite of a network. */
export async function* checkNetwork(runtime: Runtime, name: string, network: Model, options: VerifyOptions): AsyncGenerator<Checked> {
  for await (const exact of exactRewrites(network)) yield await check(runtime, name, exact, options);
}

/** Verifies the golden cases. */
export async function* checkGolden(runtime: Runtime, options: VerifyOptions): AsyncGenerator<Checked> {
  for (const exact of goldenRewrites()) yield await check(runtime, 'golden case', exact, options);
}
