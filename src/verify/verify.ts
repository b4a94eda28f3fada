import type { Shapes } from '../infer/shapes.ts';
import { type Optimization, Runtime, type RuntimeOptions } from '../runtime/session.ts';
import type { Precision } from '../tensor/dtype.ts';
import type { Comparand } from './comparand.ts';
import { conclude } from './conclude.ts';
import type { Data } from './data/load.ts';
import type { ImageOptions } from './data/loading.ts';
import { examine } from './examine.ts';
import { prepareFailures } from './failures-folder.ts';
import type { InputKind } from './inputs.ts';
import type { GivenTolerances } from './tolerance.ts';
import type { Verdict } from './verdict.ts';

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
  /** The floating type that the models compute in, where that is coarser than what an output shows; default: what A says, for each output. */
  readonly precision?: Precision;
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
 * @throws FunnelError `E_USAGE` for an unknown provider, an unknown input, output or symbol, and for a shape that contradicts A's;
 * `E_WRITE` for a folder of `failures` that can't be written to, or whose models would be lost.
 */
export async function verify(a: Comparand, b: Comparand, options: VerifyOptions = {}): Promise<Verdict> {
  const start = performance.now();
  if (options.failures !== undefined) await prepareFailures(options.failures, filesOf(a, b, options));
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

/** The files that are compared, or fed; what was read from a text has its name. */
function filesOf(a: Comparand, b: Comparand, { data = [] }: VerifyOptions): string[] {
  const models = [a, b].flatMap(model => ('path' in model ? [model.path] : (model.label ?? [])));
  return [...models, ...data.flatMap(d => (typeof d === 'string' ? [d.slice(d.indexOf('=') + 1)] : []))];
}
