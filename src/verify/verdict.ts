import type { FailureCategory, FailureKind } from '../runtime/failure.ts';
import type { ModelInterface, Placement } from '../runtime/session.ts';
import type { Comparison, JsonNumber } from './compare.ts';
import type { Configuration } from './configuration.ts';
import type { InputSummary } from './inputs.ts';
import type { LayerReport, NodeRef, SelfCheck } from './layer-report.ts';
import type { Tolerance } from './tolerance.ts';

/**
 * - `same`: every output agreed, under every input, in every configuration asked for.
 * - `different`: at least one did not, or the models' edges differ, or B fails where A runs.
 * - `inconclusive`: nothing disagreed, and nothing could have: there was nothing to compare.
 * - `unavailable`: nothing disagreed, but a provider is not there or did not survive.
 * - `invalid`: a model, or the sizes given for its inputs, are refused by the reference runtime.
 */
export type Status = 'same' | 'different' | 'inconclusive' | 'unavailable' | 'invalid';

/** Something to tell about the verdict. `code` is stable; `where` and `message` are for people. */
export interface Finding {
  readonly code: string;
  readonly where: string;
  readonly message: string;
  /** The configuration that it was found in; undefined for what is about the models. */
  readonly configuration?: Configuration;
  /** Nodes of B that are to blame, where they are known. */
  readonly nodes?: readonly NodeRef[];
}

/** A run that did not come to its end. */
export interface Failure {
  readonly model: 'a' | 'b';
  /** Label of the input; undefined when the model did not load. */
  readonly input: string | undefined;
  readonly kind: FailureKind | 'provider';
  readonly category: FailureCategory;
  readonly message: string;
}

/** Output `output` under input `input` in one configuration. */
export interface OutputResult {
  readonly input: string;
  readonly output: string;
  /** What B is compared with: the reference, or, where the runtime's own drift on A is too large for that, A in the same configuration. */
  readonly against: 'reference' | 'same-configuration';
  /** A in this configuration against the reference: the runtime's own drift. Undefined where A did not run, or this is the reference. */
  readonly drift: { readonly identical: boolean; readonly relativeL2: JsonNumber; readonly maxAbs: JsonNumber } | undefined;
  readonly tolerance: Tolerance;
  readonly comparison: Comparison;
  /** A gives other values from run to run under the same input: the comparison says nothing about B. */
  readonly random?: true;
}

export interface ConfigurationResult extends Configuration {
  readonly status: 'same' | 'different' | 'unavailable';
  /** Every output of every input has A's bits. */
  readonly identical: boolean;
  readonly adapter: string | undefined;
  readonly placement: { readonly a: Placement | undefined; readonly b: Placement | undefined };
  readonly failures: readonly Failure[];
  readonly results: readonly OutputResult[];
}

export interface ModelSummary extends ModelInterface {
  readonly label: string;
}

/** The answer to "do A and B compute the same?", with all that it rests on. Plain JSON; deterministic but for `timings`. */
export interface Verdict {
  readonly schema: 'onnx-funnel/verdict@1';
  readonly status: Status;
  readonly same: boolean;
  /** One line. */
  readonly summary: string;
  /** Why the status is not `same`. */
  readonly reasons: readonly Finding[];
  /** What weakens the verdict, or is worth knowing. */
  readonly warnings: readonly Finding[];
  readonly a: ModelSummary | undefined;
  readonly b: ModelSummary | undefined;
  readonly excludedOutputs: readonly string[];
  readonly reference: { readonly model: 'a'; readonly provider: 'cpu'; readonly optimization: 'disabled' };
  readonly seed: number;
  readonly threads: number;
  readonly equalNan: boolean;
  readonly inputs: readonly InputSummary[];
  readonly configurations: readonly ConfigurationResult[];
  /** Layer by layer; undefined where nobody asked. */
  readonly layers?: LayerReport;
  /** Whether the comparison can fail; undefined where nobody asked. */
  readonly selfCheck?: SelfCheck;
  readonly environment: { readonly onnxruntime: string; readonly node: string; readonly platform: string };
  /** Milliseconds, and bytes of the runtime's process (0 where that can't be measured). */
  readonly timings: { readonly total: number; readonly peakMemory: number };
}

/** Exit code for a verdict: 0 same, 1 different or inconclusive, 2 invalid model or sizes, 3 provider or runtime not available. */
export function exitCodeOf({ status }: Pick<Verdict, 'status'>): 0 | 1 | 2 | 3 {
  return ({ same: 0, different: 1, inconclusive: 1, invalid: 2, unavailable: 3 } as const)[status];
}
