import { FunnelError } from './errors.ts';
import { closeFactRuntime } from './infer/runtime.ts';
import type { Shapes } from './infer/shapes.ts';
import type { CostReport } from './inspect/cost.ts';
import type { Diff } from './inspect/diff.ts';
import type { Placement } from './inspect/place.ts';
import type { Plan, PlanOptions } from './inspect/plan.ts';
import { check as checkModel } from './ir/check.ts';
import type { Model } from './ir/model.ts';
import type { BenchOptions } from './measure/bench.ts';
import type { Measurement } from './measure/measurement.ts';
import type { Pass } from './rewrite/pass.ts';
import { type PipelineOptions, type Rewritten, rewrite as runPasses } from './rewrite/pipeline.ts';
import { readText } from './serde/file.ts';
import * as file from './serde/model-file.ts';
import { writeText } from './serde/write-file.ts';
import type { Comparand } from './verify/comparand.ts';
import type { EachPass, PassComparison } from './verify/each-pass.ts';
import type { Case } from './verify/report.ts';
import type { Verdict } from './verify/verdict.ts';
import type { VerifyOptions } from './verify/verify.ts';

const isText = (path: string) => path.endsWith('.onnxtxt');

/**
 * Reads a model: ONNX's binary format, or its textual syntax where the name ends in `.onnxtxt`. `-` is standard input (binary).
 * Weights are read when someone asks for them.
 * @throws DecodeError, TextSyntaxError or InvalidModel for a file that is not a model; FunnelError for one that can't be read.
 */
export async function read(path: string): Promise<Model> {
  if (!isText(path)) return file.read(path);
  // Each job loads what it needs: a fold is over before the rest would be read.
  const { parse } = await import('./text/parse.ts');
  return parse(await readText(path));
}

/**
 * Writes a model to `path`, in ONNX's textual syntax where the name ends in `.onnxtxt`, else in binary; `-` is standard output. The
 * file is there whole or not at all. A model that no pass changed is written byte for byte as it was read.
 * @throws FunnelError `E_WRITE` when the file can't be written.
 */
export async function write(model: Model, path: string, options: file.WriteOptions = {}): Promise<void> {
  if (!isText(path)) return file.write(model, path, options);
  const { print } = await import('./text/print.ts');
  return writeText(path, print(model));
}

export interface RewriteOptions extends Omit<PipelineOptions, 'check'> {
  /**
   * What is checked after each pass that fired: ONNX's own rules (`'structure'`, or true), or also that an exact pass has left what the
   * model computes as it was (`'each-pass'`), on ONNX Runtime's CPU provider.
   */
  readonly check?: boolean | 'structure' | 'each-pass';
}

export interface RewriteResult extends Rewritten {
  /** With `check: 'each-pass'`, how each pass that fired compared. */
  readonly compared?: readonly PassComparison[];
}

/**
 * Runs passes over a copy of a model. See `rewrite/pipeline.ts`.
 * @throws InvalidModel, before any pass runs; PassFailed naming the first pass that a check finds fault with.
 */
export async function rewrite(model: Model, passes: readonly Pass[], options: RewriteOptions = {}): Promise<RewriteResult> {
  const { check = false, ...rest } = options;
  const eachPass = check === 'each-pass' ? await comparing(model) : undefined;
  const onFired: PipelineOptions['onFired'] = async (pass, after) => {
    await rest.onFired?.(pass, after);
    await eachPass?.after(pass, after);
  };
  try {
    const done = await runPasses(model, passes, { ...rest, check: check !== false, onFired });
    return eachPass ? { ...done, compared: eachPass.comparisons } : done;
  } finally {
    await Promise.all([eachPass?.close(), closeFactRuntime()]);
  }
}

async function comparing(model: Model): Promise<EachPass> {
  // An invalid model is named as such first.
  checkModel(model);
  const { EachPass } = await import('./verify/each-pass.ts');
  return new EachPass(model);
}

/**
 * Chooses the activations of a model to become FReLU, and says what that costs; `carryOut` gives the options of reluToFrelu that do it.
 * `shapes` stand in for dimensions that the model leaves open.
 * @throws FunnelError `E_USAGE` for a placement that the model does not have.
 */
export async function plan(model: Model, placement: Placement, options: PlanOptions = {}, shapes: Shapes = {}): Promise<Plan> {
  const { planConversion } = await import('./inspect/plan.ts');
  try {
    return await planConversion(model, placement, options, shapes);
  } finally {
    await closeFactRuntime();
  }
}

/**
 * What a model costs as it is, and with its FReLU in each form; one without any is converted first, as `placement` and `options` say.
 * @throws FunnelError `E_USAGE` for a placement that the model does not have.
 */
export async function cost(
  model: Model,
  placement: Placement = {},
  options: Omit<PlanOptions, 'form'> = {},
  shapes: Shapes = {},
): Promise<CostReport> {
  const { costReport } = await import('./inspect/cost.ts');
  try {
    return await costReport(model, placement, options, shapes);
  } finally {
    await closeFactRuntime();
  }
}

/** A model, or the path of one. */
export type ModelOrPath = Model | string;

/**
 * Compares what two models compute, on ONNX Runtime: A on the CPU without optimisation is the reference. What an earlier comparison left in
 * the folder `failures` goes.
 * @throws FunnelError for models that can't be compared at all.
 */
export async function verify(a: ModelOrPath, b: ModelOrPath, options: VerifyOptions = {}): Promise<Verdict> {
  const { verify: compare } = await import('./verify/verify.ts');
  try {
    const { layers, bisect, failures, selfCheck } = options;
    const keep = layers || bisect || failures !== undefined || selfCheck;
    const { withoutZipMaps: plain } = await import('./verify/zip-map.ts');
    return await compare(await comparand(a, { keep, plain, isReference: true }), await comparand(b, { keep, plain }), options);
  } finally {
    await closeFactRuntime();
  }
}

/**
 * Measures how long two models take and what memory, on ONNX Runtime: side by side, on the same inputs, each in a process of its own.
 * @throws FunnelError `E_USAGE` for models whose inputs differ; ProviderUnavailable for a provider that is not there.
 */
export async function bench(a: ModelOrPath, b: ModelOrPath, options: BenchOptions = {}): Promise<Measurement> {
  const { bench: measure } = await import('./measure/bench.ts');
  return measure(await comparand(a, { isReference: true }), await comparand(b), options);
}

/**
 * What tells model B from model A: interface, operator sets, nodes, weights, functions, nested graphs, with renames told apart from changes.
 * Nothing is run; whether two models compute the same is for `verify`.
 */
export async function diff(a: ModelOrPath, b: ModelOrPath): Promise<Diff> {
  const { diff: compare } = await import('./inspect/diff.ts');
  return compare(await look(a), await look(b));
}

/**
 * What a report tells of two models besides the verdict: what tells them apart, and their graphs, to be drawn; empty where one of them can't be
 * read (the verdict says so).
 */
export async function portrait(a: ModelOrPath, b: ModelOrPath): Promise<Pick<Case, 'diff' | 'graphs'>> {
  try {
    const [before, after] = await Promise.all([look(a), look(b)]);
    const { sketchOf } = await import('./inspect/sketch.ts');
    const found = await diff(before, after);
    return { diff: found, graphs: sketchOf(before, after, found) };
  } catch (error) {
    if (error instanceof FunnelError) return {};
    throw error;
  }
}

/** A model that is looked at once: its weights stay in the file. */
function look(model: ModelOrPath): Model | Promise<Model> {
  if (typeof model !== 'string') return model;
  return isText(model) ? read(model) : file.read(model, { inPlace: true });
}

/** `keep` keeps the model that was read; `plain` is what is run in its place; of the reference, facts are needed. */
async function comparand(
  model: ModelOrPath,
  { keep = false, plain = (read: Model) => read, isReference = false } = {},
): Promise<Comparand> {
  const { declaredOf } = await import('./verify/declared.ts');
  const known = async (read: Model) => ({
    declared: declaredOf(read),
    ...(isReference && { facts: (await import('./verify/facts.ts')).factsIn(read) }),
  });
  const inMemory = async (read: Model) => ({ bytes: file.encode(plain(read), { inline: true }), ...(await known(read)) });
  if (typeof model !== 'string') return inMemory(model);
  // Our reader says what is wrong with a file, and refuses what the runtime lets pass; the runtime then reads it by itself.
  try {
    const found = await look(model);
    if (isText(model) || model === '-' || plain(found) !== found) return { ...(await inMemory(found)), label: model };
    return { path: model, label: model, ...(await known(found)), ...(keep && { model: found }) };
  } catch (error) {
    // Of two models, which.
    if (error instanceof FunnelError && !error.message.includes(model)) error.message = `${model}: ${error.message}`;
    throw error;
  }
}
