import { RuntimeFailure } from '../runtime/failure.ts';
import type { Runtime } from '../runtime/session.ts';
import { encodePieces } from '../serde/model-file.ts';
import type { Baseline } from './baseline.ts';
import { type Comparand, modelOf } from './comparand.ts';
import { short } from './compare.ts';
import { type Configuration, nameOf, referenceConfiguration } from './configuration.ts';
import { held } from './held.ts';
import type { InputSet } from './inputs.ts';
import type { LayerReport, Mutation, SelfCheck } from './layer-report.ts';
import { compareLayers } from './layers.ts';
import { brokenModels } from './self-check.ts';
import { feedsFor, trial } from './trial.ts';
import type { ConfigurationResult, OutputResult } from './verdict.ts';
import type { VerifyOptions } from './verify.ts';

/** What has been run so far. */
export interface Ground {
  readonly runtime: Runtime;
  readonly a: Comparand;
  readonly b: Comparand;
  readonly options: VerifyOptions;
  readonly sets: readonly InputSet[];
  readonly outputs: readonly string[];
  readonly baseline: Baseline;
  readonly configurations: readonly ConfigurationResult[];
}

/** Breaks B in several ways, and compares each with the reference as B was compared. */
export async function selfCheck({ runtime, b, options, sets, outputs, baseline }: Ground): Promise<SelfCheck> {
  const { threads = 1, equalNan = false } = options;
  const mutations: Mutation[] = [];
  await runtime.forget();
  for (const { kind, node, what, model } of brokenModels(await modelOf(b))) {
    let difference: string | undefined;
    const source = { pieces: encodePieces(model, { inline: true }) };
    const { failure } = await trial(runtime, { role: 'b', source }, { ...referenceConfiguration, threads }, sets, async (session, set) => {
      if (difference !== undefined) return;
      const values = await session.run(feedsFor(session, set.feeds()), outputs);
      for (const output of outputs) {
        const { same, relativeL2 } = held(baseline, referenceConfiguration, set.label, output, values[output]!, { equalNan }).comparison;
        if (!same) difference ??= `'${output}' is off by a relative L2 of ${short(relativeL2)} under '${set.label}'`;
      }
    });
    difference ??= failure && `it does not run: ${failure.message}`;
    mutations.push({ kind, node, detected: difference !== undefined, message: `${what}; ${difference ?? 'nobody noticed'}` });
  }
  return { mutations, detected: mutations.filter(m => m.detected).length };
}

/** Holds B against A layer by layer where they differ first, or, where they don't, in the first configuration; undefined where nobody asked. */
export async function layerReport(g: Ground): Promise<LayerReport | undefined> {
  const { options, configurations, sets } = g;
  const { layers = false, bisect = false, failures, threads = 1, seed = 0, precision } = options;
  const broken = configurations.find(c => c.status === 'different');
  const where = broken ?? configurations.find(c => c.status === 'same');
  if (!where || !(layers || ((bisect || failures !== undefined) && broken))) return undefined;
  // Where outputs agree, the input that moves them most: under another one, what is wrong may leave no trace.
  const failed = where.failures.find(f => f.model === 'b');
  const shown = where.results.find(r => !r.comparison.same) ?? failed ?? worst(where.results);
  const set = sets.find(s => s.label === shown?.input) ?? sets[0]!;
  const at: Configuration = { provider: where.provider, optimization: where.optimization };
  try {
    return await compareLayers(g.runtime, await modelOf(g.a), await modelOf(g.b), set.label, set.feeds(), {
      where: at,
      threads,
      seed,
      precision,
      fails: failed !== undefined,
      folder: failures,
      ...(options.onProgress && { onProgress: options.onProgress }),
    });
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error;
    const notes = [`layers could not be run on ${nameOf(at)}: ${error.message}`];
    return { ...at, input: set.label, layers: [], culprits: [], notes };
  }
}

function worst(results: readonly OutputResult[]): OutputResult | undefined {
  const size = (r: OutputResult) => Number(r.comparison.relativeL2) || 0;
  return results.reduce<OutputResult | undefined>((most, r) => (most && size(most) >= size(r) ? most : r), undefined);
}
