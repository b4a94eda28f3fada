import { type Shapes, shapeCases } from '../infer/shapes.ts';
import type { Model } from '../ir/model.ts';
import { checkProviderName } from '../runtime/providers.ts';
import {
  type ModelInterface,
  type ModelSource,
  type Optimization,
  Runtime,
  type RuntimeOptions,
  type Session,
  type SessionOptions,
} from '../runtime/session.ts';
import type { DType } from '../tensor/dtype.ts';
import { Baseline } from './baseline.ts';
import { conclude } from './conclude.ts';
import { type Configuration, isReference, nameOf, referenceConfiguration } from './configuration.ts';
import { type Data, loadData } from './data/load.ts';
import type { ImageOptions } from './data/loading.ts';
import type { Declared } from './declared.ts';
import { layerReport, selfCheck } from './deeper.ts';
import { held } from './held.ts';
import { generate, type InputKind, type InputSet, inputKinds, isQuick, withOwnLabels } from './inputs.ts';
import { checkOutputs, matchInterfaces } from './interface.ts';
import type { LayerReport, SelfCheck } from './layer-report.ts';
import type { GivenTolerances } from './tolerance.ts';
import { failureOf, feedsFor, type Trial, trial } from './trial.ts';
import type { ConfigurationResult, Failure, Finding, OutputResult, Verdict } from './verdict.ts';

/** One of the two models: a file, or bytes; the label is what reports call it. */
export type Comparand = ModelSource & {
  readonly label?: string;
  /** The same model, where it is read already: layers and self-checks then need not read it again. */
  readonly model?: Model;
  /** What the model says of its edges that the runtime does not. */
  readonly declared?: Declared;
};

export interface VerifyOptions {
  /** Execution providers; default `['cpu']`. */
  readonly providers?: readonly string[];
  /** Optimisation levels on each of them; default: `disabled` and `all` on cpu, `all` on the others. */
  readonly optimizations?: readonly Optimization[];
  /** Sizes of symbolic dimensions. */
  readonly shapes?: Shapes;
  /** Kinds of generated inputs; default: all, or none where `data` is given. */
  readonly kinds?: readonly InputKind[];
  /** Inputs of the caller's, run before the generated ones: input sets, generators, or files and folders with data. */
  readonly data?: readonly Data[];
  /** How many input sets one folder or generator may give; default 16. */
  readonly limit?: number;
  /** How images become numbers; default: normalised as for ImageNet. */
  readonly images?: ImageOptions;
  /** Default 0. */
  readonly seed?: number;
  /** Names of outputs to leave out, and names or globs of inputs with a default. */
  readonly exclude?: readonly string[];
  /** Tolerances by hand, in place of the derived ones. */
  readonly tolerances?: GivenTolerances;
  /** Compare each row's k largest elements too, for these k, such as `[1, 5]`. The verdict does not depend on it. */
  readonly topK?: readonly number[];
  /** The agreement, 0 to 1, that each of `topK` needs: then it does. */
  readonly minAgreement?: number;
  /** The coarsest floating type inside the models, where it is coarser than what their edges show. */
  readonly precision?: DType;
  /** Whether NaN equals NaN; default false. */
  readonly equalNan?: boolean;
  /** Threads inside an operator; default 1, which makes results independent of the number of cores. */
  readonly threads?: number;
  /** Limits for a runtime of its own, or a runtime to share, which stays open. */
  readonly runtime?: RuntimeOptions | Runtime;
  /** Break B on purpose, in a few ways, and see the comparison fail: a verdict that can't fail is none. Default false. */
  readonly selfCheck?: boolean;
  /** Hold B against A layer by layer, too, whether their outputs agree or not: finds what outputs hide. Default false. */
  readonly layers?: boolean;
  /** Where outputs differ, find the nodes that are to blame. Default false. */
  readonly bisect?: boolean;
  /** Folder for the smallest subgraphs that differ and what they are fed with; finds the nodes to blame, as `bisect` does. */
  readonly failures?: string;
  /** Called before each run of a model on an input: runs so far, runs in all, and what comes now. */
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/**
 * Asks whether two models compute the same: B on every provider and optimisation level asked for, against A on the CPU without optimisation.
 * Where a runtime's own drift on A is too large, B is compared with A in that same configuration, and the verdict says so.
 * Whatever the runtime does, the answer is a verdict.
 * @throws FunnelError `E_USAGE` for an unknown provider, an unknown input, output or symbol, and for a shape that contradicts A's.
 */
export async function verify(a: Comparand, b: Comparand, options: VerifyOptions = {}): Promise<Verdict> {
  const start = performance.now();
  const shared = options.runtime instanceof Runtime ? options.runtime : undefined;
  const runtime = shared ?? new Runtime(options.runtime as RuntimeOptions | undefined);
  try {
    const run = await examine(runtime, a, b, options);
    const onnxruntime = await runtime
      .describe()
      .then(d => d.version)
      .catch(() => 'unavailable');
    return conclude({ ...run, a, b, options, onnxruntime, milliseconds: performance.now() - start, peakMemory: runtime.peakMemory });
  } finally {
    if (!shared) await runtime.close();
  }
}

/** What the runs found out; everything that was reached before the first failure that ends it all. */
export interface Findings {
  readonly edges: { readonly a: ModelInterface | undefined; readonly b: ModelInterface | undefined };
  /** Failures to load a model at all, or to run A as the reference. */
  readonly fatal: readonly Failure[];
  readonly differences: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Edges that nothing can be found out about. */
  readonly unknown: readonly Finding[];
  readonly outputs: readonly string[];
  readonly baseline: Baseline | undefined;
  readonly configurations: readonly ConfigurationResult[];
  readonly layers?: LayerReport | undefined;
  readonly selfCheck?: SelfCheck | undefined;
}

async function examine(runtime: Runtime, a: Comparand, b: Comparand, options: VerifyOptions): Promise<Findings> {
  const wanted = configurationsOf(options);
  const nothing = { differences: [], warnings: [], unknown: [], outputs: [], baseline: undefined, configurations: [] };
  const { threads = 1, equalNan = false, precision, tolerances = {}, topK, minAgreement } = options;
  const inA = await enter(runtime, a, 'a', { ...referenceConfiguration, threads });
  if ('failure' in inA.edges && inA.edges.failure.kind !== 'error')
    return { ...nothing, fatal: [inA.edges.failure], edges: { a: undefined, b: undefined } };
  const inB = await enter(runtime, b, 'b', wanted.some(isReference) ? { ...referenceConfiguration, threads } : undefined);
  const [edgesA, edgesB] = [inA.edges, inB.edges];
  const fatal = [edgesA, edgesB].flatMap(e => ('failure' in e ? [e.failure] : []));
  if ('failure' in edgesA || 'failure' in edgesB) {
    return { ...nothing, fatal, edges: { a: 'failure' in edgesA ? undefined : edgesA, b: 'failure' in edgesB ? undefined : edgesB } };
  }
  const edges = { a: edgesA, b: edgesB };
  const told = { a: { ...edgesA, declared: a.declared }, b: { ...edgesB, declared: b.declared } };
  checkOutputs(options, told);
  const match = matchInterfaces(told.a, told.b, new Set(options.exclude));
  const kinds = options.kinds ?? (options.data ? [] : inputKinds);
  const seed = options.seed ?? 0;
  const { shapes = {}, limit = 16, images = {} } = options;
  const warnings = [...match.warnings];
  const warn = (finding: Finding) => warnings.push(finding);
  const generated = generate(edgesA.inputs, shapeCases(edgesA.inputs, shapes), kinds, seed);
  const given = await loadData(options.data ?? [], { edges: edgesA, seed, shapes, limit, images, warn });
  const sets = withOwnLabels([...given, ...generated]);
  const found = { ...nothing, ...match, warnings, edges, fatal };
  if (!match.feedable || match.outputs.length === 0 || sets.length === 0) {
    await Promise.all([inA.session?.close(), inB.session?.close()]);
    return found;
  }

  const setsAt = ({ provider }: Configuration) =>
    options.kinds || !runtime.adapterOf(provider).startsWith('software') ? sets : sets.filter(s => isQuick(s.source));
  const runs = wanted.reduce((sum, c) => sum + setsAt(c).length * (nameOf(c) === 'cpu disabled' ? 1 : 2), sets.length);
  let done = 0;
  const onRun = (what: string) => options.onProgress?.(done++, runs, what);
  const baseline = new Baseline({ seed, threads, equalNan, precision, tolerances, onRun });
  const { failure } = await baseline.measureReference(runtime, a, sets, match.outputs, inA.session);
  if (failure) {
    await inB.session?.close().catch(() => {});
    return { ...found, fatal: [failure], baseline };
  }
  for (const where of wanted) await baseline.measureDrift(runtime, a, where, setsAt(where), match.outputs);

  const configurations: ConfigurationResult[] = [];
  for (const where of wanted) {
    const ofA = baseline.trials.get(nameOf(where))!;
    const results: OutputResult[] = [];
    const visit = async (session: Session, set: InputSet) => {
      onRun(`B on ${nameOf(where)}, ${set.label}`);
      const values = await session.run(feedsFor(session, set.feeds()), match.outputs);
      const hold = (output: string) => held(baseline, where, set.label, output, values[output]!, { equalNan, topK, minAgreement });
      const first = match.outputs.map(hold);
      const agree = first.every(r => r.comparison.same);
      if (!agree) await baseline.measureNoise(runtime, a, set);
      results.push(...(agree ? first : match.outputs.map(hold)));
    };
    const ofB = gone(ofA)
      ? undefined
      : await trial(
          runtime,
          { role: 'b', source: b },
          { ...where, threads },
          setsAt(where),
          visit,
          isReference(where) ? inB.session : undefined,
        );
    configurations.push(judge(where, ofA, ofB, results, baseline.unsteady));
  }
  const ground = { runtime, a, b, options, sets, outputs: match.outputs, baseline, configurations };
  const agreed = match.differences.length === 0 && configurations.every(c => c.status !== 'different');
  const layers = await layerReport(ground);
  const checked = options.selfCheck && agreed ? await selfCheck(ground) : undefined;
  options.onProgress?.(runs, runs, 'done');
  return { ...found, baseline, configurations, layers, selfCheck: checked };
}

/** Whether a configuration can't be used at all, so that trying B there tells nothing. */
function gone({ failure }: Trial): boolean {
  return failure !== undefined && failure.kind !== 'error';
}

function judge(
  where: Configuration,
  a: Trial,
  b: Trial | undefined,
  results: readonly OutputResult[],
  unsteady: ReadonlySet<string>,
): ConfigurationResult {
  const failures = [a.failure, b?.failure].filter(f => f !== undefined);
  // B that reports an error where A runs does not compute the same; a crash, or a provider that is not there, says nothing about B.
  const brokenB = a.failure === undefined && b?.failure?.kind === 'error';
  const marked = results.map(r => (unsteady.has(r.output) ? { ...r, random: true as const } : r));
  const different = brokenB || marked.some(r => !r.comparison.same && !r.random);
  const reached = b !== undefined && b.failure === undefined;
  return {
    ...where,
    status: different ? 'different' : reached ? 'same' : 'unavailable',
    identical: reached && results.every(r => r.comparison.identical),
    adapter: b?.adapter ?? a.adapter,
    placement: { a: a.placement, b: b?.placement },
    failures,
    results: marked,
  };
}

/** What a model takes and gives, and, where it can be opened in a configuration that it is to be run in anyway, the session. */
async function enter(
  runtime: Runtime,
  model: Comparand,
  role: 'a' | 'b',
  where: SessionOptions | undefined,
): Promise<{ readonly edges: ModelInterface | { readonly failure: Failure }; readonly session?: Session }> {
  try {
    if (where) {
      const session = await runtime.open(model, where);
      return { edges: { inputs: session.inputs, outputs: session.outputs }, session };
    }
  } catch (error) {
    const failure = failureOf(error, role);
    if (failure.kind !== 'error') return { edges: { failure } };
    // It may be a model all the same, for which the runtime has no kernels.
  }
  try {
    return { edges: await runtime.outputTypes(model) };
  } catch (error) {
    return { edges: { failure: failureOf(error, role) } };
  }
}

/** @throws FunnelError `E_USAGE` for a provider that nobody knows. */
function configurationsOf({ providers = ['cpu'], optimizations }: VerifyOptions): Configuration[] {
  const unique = [...new Set(providers)];
  for (const provider of unique) checkProviderName(provider);
  const levels = (provider: string): readonly Optimization[] => [
    ...new Set(optimizations ?? (provider === 'cpu' ? (['disabled', 'all'] as const) : (['all'] as const))),
  ];
  return unique.flatMap(provider => levels(provider).map(optimization => ({ provider, optimization })));
}
