import type { ModelSource, Runtime, Session, Tensors } from '../runtime/session.ts';
import { type DType, dtypes, isFloat, isKnown } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Comparison, compare } from './compare.ts';
import { type Configuration, isReference, nameOf, referenceConfiguration } from './configuration.ts';
import { type InputSet, type InputSummary, perturbed, summarise } from './inputs.ts';
import { nanInputs, storedDifference } from './remarks.ts';
import { type Circumstances, type GivenTolerances, isNoise, ruleOf, type Tolerance, toleranceFor } from './tolerance.ts';
import { type Trial, trial } from './trial.ts';
import type { Finding } from './verdict.ts';

export interface BaselineOptions {
  readonly seed: number;
  readonly threads: number;
  readonly equalNan: boolean;
  /** The coarsest floating type that an output is computed in, where that is known. */
  readonly precisionOf: (output: string) => DType | undefined;
  readonly tolerances: GivenTolerances;
  readonly onRun: (what: string) => void;
}

/** All that is known of A: the reference outputs, how noisy they are where someone asked, and how far each configuration drifts from them. */
export class Baseline {
  readonly summaries: InputSummary[] = [];
  /** What is worth knowing of the inputs, and of what was stored beside them. */
  readonly remarks: Finding[] = [];
  /** Trials of A, by configuration. */
  readonly trials = new Map<string, Trial>();
  /** Outputs that are others from run to run, as far as someone asked. */
  readonly unsteady = new Set<string>();
  readonly #options: BaselineOptions;
  readonly #reference = new Map<string, Tensors>();
  readonly #noise = new Map<string, number>();
  readonly #disturbed = new Set<string>();
  readonly #drifts = new Map<string, Comparison>();
  /** A's outputs where they are too far from the reference to stand for it. */
  readonly #drifted = new Map<string, Tensor>();

  constructor(options: BaselineOptions) {
    this.#options = options;
  }

  /** Reference outputs, by input label. */
  get reference(): ReadonlyMap<string, Tensors> {
    return this.#reference;
  }

  /** Runs A as the reference. */
  async measureReference(
    runtime: Runtime,
    source: ModelSource,
    sets: readonly InputSet[],
    outputs: readonly string[],
    opened?: Session,
  ): Promise<Trial> {
    const { threads, onRun } = this.#options;
    const visit = async (session: Session, set: InputSet) => {
      onRun(`reference, ${set.label}`);
      const feeds = set.feeds();
      this.summaries.push(summarise(set, feeds));
      this.remarks.push(...nanInputs(set, feeds));
      this.#reference.set(set.label, await session.run(feeds, outputs));
    };
    const result = await trial(runtime, { role: 'a', source }, { ...referenceConfiguration, threads }, sets, visit, opened);
    this.trials.set(nameOf(referenceConfiguration), result);
    if (!result.failure) for (const set of sets) await this.#recall(runtime, source, set);
    return result;
  }

  /**
   * Runs A again: twice on the same input, to know whether it gives the same again, and once on the input moved by one rounding, to
   * know by how much its outputs then move. That takes time, so it is for outputs that differ without it. What can't be run makes no noise.
   */
  async measureNoise(runtime: Runtime, source: ModelSource, set: InputSet): Promise<void> {
    if (this.#disturbed.has(set.label)) return;
    this.#disturbed.add(set.label);
    const feeds = set.feeds();
    if (!Object.values(feeds).some(t => isFloat(t.dtype))) return;
    const { seed, threads, onRun } = this.#options;
    const reference = this.#reference.get(set.label)!;
    const outputs = Object.keys(reference);
    await trial(runtime, { role: 'a', source }, { ...referenceConfiguration, threads }, [set], async session => {
      onRun(`noise of the reference, ${set.label}`);
      for (const again of [await session.run(feeds, outputs), await session.run(feeds, outputs)])
        for (const output of outputs) if (!this.#agrees(set.label, output, again[output]!)) this.unsteady.add(output);
      const moved = await session.run(perturbed(feeds, seed), outputs);
      for (const output of outputs) this.#noteNoise(set.label, output, relativeL2(reference[output]!, moved[output]!));
    });
  }

  /** Runs A in another configuration, to know what that configuration itself does to the numbers. */
  async measureDrift(
    runtime: Runtime,
    source: ModelSource,
    where: Configuration,
    sets: readonly InputSet[],
    outputs: readonly string[],
  ): Promise<void> {
    if (isReference(where)) return;
    const { threads, onRun, precisionOf } = this.#options;
    const result = await trial(runtime, { role: 'a', source }, { ...where, threads }, sets, async (session, set) => {
      onRun(`A on ${nameOf(where)}, ${set.label}`);
      const values = await session.run(set.feeds(), outputs);
      for (const output of outputs) {
        const expected = this.#reference.get(set.label)![output]!;
        const drift = compare(
          expected,
          values[output]!,
          halved(toleranceFor(this.#circumstances(where, set.label, output, 0), this.#options.tolerances), true),
        );
        this.#drifts.set(key(where, set.label, output), drift);
        if (!drift.same) this.#drifted.set(key(where, set.label, output), values[output]!);
        const l2 = Number(drift.relativeL2);
        if (where.provider === 'cpu' && isNoise(l2, expected.dtype, precisionOf(output))) this.#noteNoise(set.label, output, l2);
      }
    });
    this.trials.set(nameOf(where), result);
  }

  #agrees(input: string, output: string, again: Tensor): boolean {
    const tolerance = toleranceFor(this.#circumstances(referenceConfiguration, input, output, 0), {});
    return compare(this.#reference.get(input)![output]!, again, ruleOf(tolerance, true)).same;
  }

  /** What B's output is to be compared with in a configuration, and how closely. */
  standard(where: Configuration, input: string, output: string): Standard {
    const expected = this.#reference.get(input)![output]!;
    const noise = this.noiseOf(input, output);
    const tolerance = toleranceFor(this.#circumstances(where, input, output, noise), this.#options.tolerances);
    const drift = this.#drifts.get(key(where, input, output));
    const own = this.#drifted.get(key(where, input, output));
    // Half of the tolerance for the runtime, half for the rewrite; a runtime that needs more is no stand-in for the reference.
    if (!own || compare(expected, own, halved(tolerance, true)).same) return { expected, tolerance, against: 'reference', drift };
    const near = this.#circumstances({ ...where, provider: 'cpu' }, input, output, noise, own);
    return { expected: own, tolerance: toleranceFor(near, this.#options.tolerances), against: 'same-configuration', drift };
  }

  precisionOf(output: string): DType | undefined {
    return this.#options.precisionOf(output);
  }

  /** By how much an output moves when nothing but rounding changes: relative L2. */
  noiseOf(input: string, output: string): number {
    return this.#noise.get(key(referenceConfiguration, input, output)) ?? 0;
  }

  /** Holds outputs against those that were stored, which another runtime has computed. */
  async #recall(runtime: Runtime, source: ModelSource, set: InputSet): Promise<void> {
    const held = () => {
      const reference = Object.entries(this.#reference.get(set.label)!);
      return reference.flatMap(([output, value]) => {
        const stored = set.outputs?.[output];
        return stored ? storedDifference(set.label, output, this.#comparedElsewhere(set.label, output, stored, value)) : [];
      });
    };
    if (held().length === 0) return;
    await this.measureNoise(runtime, source, set);
    this.remarks.push(...held());
  }

  #comparedElsewhere(input: string, output: string, stored: Tensor, value: Tensor): Comparison {
    const where = { provider: 'elsewhere', optimization: 'disabled' } as const;
    const tolerance = toleranceFor(this.#circumstances(where, input, output, this.noiseOf(input, output)), this.#options.tolerances);
    return compare(stored, value, ruleOf(tolerance, true));
  }

  #noteNoise(input: string, output: string, relative: number): void {
    const k = key(referenceConfiguration, input, output);
    this.#noise.set(k, Math.max(this.#noise.get(k) ?? 0, relative));
  }

  #circumstances(
    where: Configuration,
    input: string,
    output: string,
    noise: number,
    expected = this.#reference.get(input)![output]!,
  ): Circumstances {
    const peak = peakOf(expected);
    const peaks = peak > 0 ? [] : [...this.#reference.values()].map(values => peakOf(values[output]!));
    const peakElsewhere = peaks.find(p => p > 0) ?? peak;
    return {
      output,
      dtype: expected.dtype,
      precision: this.precisionOf(output),
      across: where.provider !== 'cpu',
      noise,
      peak,
      peakElsewhere,
    };
  }
}

export interface Standard {
  readonly expected: Tensor;
  readonly tolerance: Tolerance;
  readonly against: 'reference' | 'same-configuration';
  readonly drift: Comparison | undefined;
}

const key = (where: Configuration, input: string, output: string): string => JSON.stringify([nameOf(where), input, output]);

function halved(t: Tolerance, equalNan: boolean) {
  const rule = ruleOf(t, equalNan);
  return { ...rule, atol: rule.atol / 2, rtol: rule.rtol / 2, relativeL2: rule.relativeL2 / 2 };
}

const anything = { atol: Number.POSITIVE_INFINITY, rtol: 0, relativeL2: Number.POSITIVE_INFINITY, equalNan: true };

function relativeL2(a: Tensor, b: Tensor): number {
  return isFloat(a.dtype) ? Number(compare(a, b, anything).relativeL2) : 0;
}

/** Largest finite magnitude; 0 for strings. */
export function peakOf(t: Tensor): number {
  if (!isKnown(t.dtype) || dtypes[t.dtype].kind === 'string') return 0;
  let peak = 0;
  const values = t.numbers();
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > peak && magnitude < Number.POSITIVE_INFINITY) peak = magnitude;
  }
  return peak;
}
