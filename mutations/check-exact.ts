import type { Model } from '../src/ir/model.ts';
import type { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { type Exact, exactRewrites, goldenRewrites } from './exact.ts';
import type { Form } from './forms.ts';

/** What verify said of a rewrite that is right. */
export interface Checked {
  readonly network: string;
  readonly rewrite: string;
  readonly status: Verdict['status'];
  readonly identical: boolean;
  /** Largest part of its tolerance that an output took up, by relative L2. */
  readonly used: number;
  /** Layers that were held against each other; undefined where nobody asked. */
  readonly layers: number | undefined;
  readonly summary: string;
  readonly milliseconds: number;
}

async function check(runtime: Runtime, network: string, { name, a, b }: Exact, options: VerifyOptions): Promise<Checked> {
  const source = (model: Model) => ({ bytes: encode(model, { inline: true }) });
  const { status, summary, configurations, layers, timings } = await verify(source(a), source(b), { runtime, ...options });
  const shares = configurations.flatMap(c => c.results.map(r => Number(r.comparison.relativeL2) / Number(r.tolerance.relativeL2)));
  return {
    network,
    rewrite: name,
    status,
    identical: configurations.every(c => c.identical),
    used: Math.max(0, ...shares.filter(Number.isFinite)),
    layers: layers?.layers.length,
    summary,
    milliseconds: timings.total,
  };
}

/** Verifies every exact rewrite of a network, in all its forms or in these. */
export async function* checkNetwork(
  runtime: Runtime,
  name: string,
  network: Model,
  options: VerifyOptions,
  forms?: readonly Form[],
): AsyncGenerator<Checked> {
  for await (const exact of exactRewrites(network, forms)) yield await check(runtime, name, exact, options);
}

/** Verifies the golden cases. */
export async function* checkGolden(runtime: Runtime, options: VerifyOptions): AsyncGenerator<Checked> {
  for (const exact of goldenRewrites()) yield await check(runtime, 'golden case', exact, options);
}
