import { otherCases, type ShapeCase, shapeCases } from '../infer/shapes.ts';
import { checkProviderName } from '../runtime/providers.ts';
import type { ModelInterface, Optimization, Runtime, Session, SessionOptions } from '../runtime/session.ts';
import { Baseline } from './baseline.ts';
import type { Comparand } from './comparand.ts';
import { type Configuration, isReference, nameOf, referenceConfiguration } from './configuration.ts';
import { loadData } from './data/load.ts';
import { layerReport, selfCheck } from './deeper.ts';
import { factsOf, type ModelFacts } from './facts.ts';
import { held } from './held.ts';
import { generate, type InputSet, inputKinds, isQuick, narrowInputs, withOwnLabels } from './inputs.ts';
import { checkOutputs, type Match, matchInterfaces } from './interface.ts';
import type { LayerReport, SelfCheck } from './layer-report.ts';
import { failureOf, feedsFor, type Trial, trial } from './trial.ts';
import type { ConfigurationResult, Failure, Finding, OutputResult } from './verdict.ts';
import type { VerifyOptions } from './verify.ts';

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

/** The two models, and the sessions that they were first opened in. */
interface Pair {
  readonly runtime: Runtime;
  readonly a: Comparand;
  readonly b: Comparand;
  readonly options: VerifyOptions;
  readonly opened: { a?: Session; b?: Session };
}

/** Runs both models wherever they are to be run. @throws FunnelError as `verify` does */
export async function examine(runtime: Runtime, a: Comparand, b: Comparand, options: VerifyOptions): Promise<Findings> {
  const pair: Pair = { runtime, a, b, options, opened: {} };
  try {
    return await examinePair(pair, configurationsOf(options));
  } finally {
    // Others may go on with the runtime: nothing stays open in it.
    await Promise.all([pair.opened.a, pair.opened.b].map(session => session?.close().catch(() => {})));
  }
}

const nothing = { differences: [], warnings: [], unknown: [], outputs: [], baseline: undefined, configurations: [] };

async function examinePair(pair: Pair, wanted: readonly Configuration[]): Promise<Findings> {
  const { runtime, a, b, options } = pair;
  const { threads = 1, equalNan = false, seed = 0, tolerances = {} } = options;
  const reference = { ...referenceConfiguration, threads };
  const edgesA = await enter(pair, 'a', reference);
  if ('failure' in edgesA && edgesA.failure.kind !== 'error')
    return { ...nothing, fatal: [edgesA.failure], edges: { a: undefined, b: undefined } };
  const edgesB = await enter(pair, 'b', wanted.some(isReference) ? reference : undefined);
  const fatal = [edgesA, edgesB].flatMap(e => ('failure' in e ? [e.failure] : []));
  if ('failure' in edgesA || 'failure' in edgesB)
    return { ...nothing, fatal, edges: { a: 'failure' in edgesA ? undefined : edgesA, b: 'failure' in edgesB ? undefined : edgesB } };
  const told = { a: { ...edgesA, declared: a.declared }, b: { ...edgesB, declared: b.declared } };
  checkOutputs(options, told);
  const match = matchInterfaces(told.a, told.b, new Set(options.exclude));
  const warnings = [...match.warnings];
  const facts = await factsOf(a);
  const all = await inputSets(edgesA, options, facts, runtime.timeout, finding => warnings.push(finding));
  const optional = all.find(set => set.optional);
  let sets = all.filter(set => !set.optional || set === optional);
  const found = { ...nothing, ...match, warnings, edges: { a: edgesA, b: edgesB }, fatal };
  if (!match.feedable || match.outputs.length === 0 || sets.length === 0) return found;

  const setsAt = ({ provider }: Configuration) =>
    options.kinds || !runtime.adapterOf(provider).startsWith('software') ? sets : sets.filter(s => isQuick(s.source));
  const runs = wanted.reduce((sum, c) => sum + setsAt(c).length * (isReference(c) ? 1 : 2), sets.length);
  let done = 0;
  const onRun = (what: string) => options.onProgress?.(done++, runs, what);
  const precisionOf = (output: string) => options.precision ?? facts.precisions.get(output);
  const baseline = new Baseline({ seed, threads, equalNan, precisionOf, tolerances, onRun });
  const { failure } = await baseline.measureReference(runtime, a, all, match.outputs, pair.opened.a);
  if (failure) return { ...found, fatal: [failure], baseline };
  sets = all.filter(set => baseline.reference.has(set.label));
  for (const where of wanted) await baseline.measureDrift(runtime, a, where, setsAt(where), match.outputs);
  const configurations: ConfigurationResult[] = [];
  for (const where of wanted) configurations.push(await tryB(pair, match, baseline, where, setsAt(where), configurations, onRun));

  const ground = { runtime, a, b, options, sets, outputs: match.outputs, baseline, configurations };
  const agreed = match.differences.length === 0 && configurations.every(c => c.status !== 'different');
  const layers = await layerReport(ground);
  const checked = options.selfCheck && agreed ? await selfCheck(ground) : undefined;
  options.onProgress?.(runs, runs, 'done');
  return { ...found, baseline, configurations, layers, selfCheck: checked };
}

/** What both models are fed with: given data first, then what is generated, of other sizes last. */
async function inputSets(
  edges: ModelInterface,
  options: VerifyOptions,
  { integers }: ModelFacts,
  timeout: number,
  warn: (finding: Finding) => void,
): Promise<InputSet[]> {
  const { seed = 0, shapes = {}, limit = 16, images = {}, data = [] } = options;
  const kinds = options.kinds ?? (options.data ? [] : inputKinds);
  const make = (of: readonly ShapeCase[]) => generate(edges.inputs, of, kinds, seed, integers);
  const cases = shapeCases(edges.inputs, shapes);
  // `normal` alone: sizes that were mixed up, or baked in, show under any values.
  const others = kinds.includes('normal') ? otherCases(edges.inputs, shapes) : [];
  const optional = others.map(sizes => ({ ...make([...cases, sizes]).at(-1)!, optional: true as const }));
  const given = await loadData(data, { edges, seed, shapes, limit, images, timeout, warn });
  if (given.length === 0) for (const finding of narrowInputs(edges.inputs, kinds, integers)) warn(finding);
  return withOwnLabels([...given, ...make(cases), ...optional]);
}

/** Runs B in a configuration, and holds its outputs against what they are to be there. */
async function tryB(
  { runtime, a, b, options, opened }: Pair,
  { outputs }: Match,
  baseline: Baseline,
  where: Configuration,
  sets: readonly InputSet[],
  before: readonly ConfigurationResult[],
  onRun: (what: string) => void,
): Promise<ConfigurationResult> {
  const { threads = 1, equalNan = false, topK, minAgreement } = options;
  const ofA = baseline.trials.get(nameOf(where))!;
  const results: OutputResult[] = [];
  const visit = async (session: Session, set: InputSet) => {
    onRun(`B on ${nameOf(where)}, ${set.label}`);
    const values = await session.run(feedsFor(session, set.feeds()), outputs);
    const proven = before.find(isReference)?.results.filter(r => r.input === set.label && r.comparison.same) ?? [];
    const rule = { equalNan, topK, minAgreement };
    const hold = () =>
      outputs.map(o =>
        held(
          baseline,
          where,
          set.label,
          o,
          values[o]!,
          rule,
          proven.some(r => r.output === o),
        ),
      );
    let holds = hold();
    if (holds.some(r => !r.comparison.same)) {
      await baseline.measureNoise(runtime, a, set);
      holds = hold();
    }
    if (holds.some(r => baseline.mayBeNoise(r, where))) {
      await baseline.measureWeightNoise(runtime, a, set);
      holds = hold();
    }
    results.push(...holds);
  };
  // A that is not there, or does not survive, leaves nothing to compare with.
  const ofB =
    ofA.failure && ofA.failure.kind !== 'error'
      ? undefined
      : await trial(runtime, { role: 'b', source: b }, { ...where, threads }, sets, visit, isReference(where) ? opened.b : undefined);
  return judge(where, ofA, ofB, results, baseline.unsteady);
}

function judge(
  where: Configuration,
  a: Trial,
  b: Trial | undefined,
  results: readonly OutputResult[],
  unsteady: ReadonlySet<string>,
): ConfigurationResult {
  const failures = [a.failure, b?.failure].filter(f => f !== undefined);
  // B that reports an error where A runs does not compute the same; a crash, a provider that is not there, or too little memory says nothing about B.
  const brokenB = a.failure === undefined && b?.failure?.kind === 'error' && b.failure.category !== 'memory';
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

/** What a model takes and gives. Where it can be opened in a configuration that it is to be run in anyway, the session stays open. */
async function enter(
  pair: Pair,
  role: 'a' | 'b',
  where: SessionOptions | undefined,
): Promise<ModelInterface | { readonly failure: Failure }> {
  const { runtime, opened } = pair;
  try {
    if (where) {
      const session = await runtime.open(pair[role], where);
      opened[role] = session;
      return { inputs: session.inputs, outputs: session.outputs };
    }
  } catch (error) {
    const failure = failureOf(error, role);
    if (failure.kind !== 'error') return { failure };
    // It may be a model all the same, for which the runtime has no kernels.
  }
  try {
    return await runtime.outputTypes(pair[role]);
  } catch (error) {
    return { failure: failureOf(error, role) };
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
