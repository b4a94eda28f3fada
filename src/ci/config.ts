import type { PassOptions } from '../../passes/index.ts';
import type { Format } from '../report/reporters.ts';
import type { Pass } from '../rewrite/pass.ts';
import type { RuntimeOptions } from '../runtime/session.ts';
import type { VerifyOptions } from '../verify/verify.ts';

/** How a case is compared: the options of `verify`, as far as a file can hold them. */
export type CaseOptions = Omit<VerifyOptions, 'runtime' | 'onProgress'>;

/** Two models that must compute the same. */
export interface PairCase extends CaseOptions {
  /** What reports call it; default: `a → b`. */
  readonly name?: string;
  /** The reference: `.onnx` or `.onnxtxt`. */
  readonly a: string;
  /** The model to compare with it. */
  readonly b: string;
}

interface RewrittenCase extends CaseOptions {
  /** What reports call it, with the file's name where `model` stands for several; default: `model → pipeline`. */
  readonly name?: string;
  /** A model, or a glob: a case for each file. */
  readonly model: string;
  /** Options of the passes. */
  readonly options?: PassOptions;
}

/** A model that must compute the same after a pipeline has rewritten it, in memory. */
export interface PipelineCase extends RewrittenCase {
  /** Such as `fold` or `deploy`; `funnel passes` lists all. */
  readonly pipeline: string;
}

/** A model that must compute the same after passes have rewritten it, in memory. */
export interface PassesCase extends RewrittenCase {
  /** Names of passes, or passes of your own: `pass(…)` of `onnx-funnel/rules`. They run once, in this order. */
  readonly passes: readonly (string | Pass)[];
}

export type CaseConfig = PairCase | PipelineCase | PassesCase;

/** What `funnel ci` reads. Paths are relative to the file that says so. */
export interface Config {
  readonly cases: readonly CaseConfig[];
  /** Options of every case that does not say otherwise. Each case is checked by itself (`selfCheck`) unless this, or the case, says no. */
  readonly defaults?: CaseOptions;
  /** Reports to write: format → path. */
  readonly reports?: Readonly<Partial<Record<Format, string>>>;
  /** A file of drift that is known and accepted; `funnel ci --update-baseline` writes it. */
  readonly baseline?: string;
  /** Limits of ONNX Runtime's process, which all cases share. */
  readonly runtime?: RuntimeOptions;
}

/** A configuration of `funnel ci`, for the default export of `funnel.config.ts`: it is what it is given, and types it. */
export function defineConfig(config: Config): Config {
  return config;
}
