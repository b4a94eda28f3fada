import type { ModelSource, Runtime, Session, Tensors } from '../runtime/session.ts';
import { encode } from '../serde/model-file.ts';
import { type DType, isFloat } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Comparand, modelOf } from './comparand.ts';
import { type Comparison, compare, exact, type Rule } from './compare.ts';
import { type Configuration, isReference, nameOf, referenceConfiguration } from './configuration.ts';
import { type Flips, isFew } from './flips.ts';
import { type InputSet, type InputSummary, summarise } from './inputs.ts';
import { OptionalSets } from './optional-sets.ts';
import { perturbed, withPerturbedWeights } from './perturb.ts';
import { nanInputs, storedDifference } from './remarks.ts';
import { movedBy, peakOf, type SliceRule, type Slices, sliceRule, slicesOf } from './slices.ts';
import { bounds, type GivenTolerances, isNoise, ruleOf, type Tolerance, toleranceFor } from './tolerance.ts';
import { type Trial, trial } from './trial.ts';
import type { Finding, OutputResult } from './verdict.ts';

export interface BaselineOptions {
  readonly seed: number;
  readonly threads: number;
  readonly equalNan: boolean;
  /** The coarsest floating type that an output is computed in, where that is known. */
  readonly precisionOf: (output: string) => DType | undefined;
  readonly tolerances: GivenTolerances;
  readonly onRun: (what: string) => void;
}

/**
 * How often the inputs are moved by one rounding. Once tells too little: what an exact rewrite (FReLU of MobileNetV2 as a residual, large inputs)
 * took of its tolerance was up to 0.91 under 36 seeds then, and is at most half now.
 */
const perturbations = 3;

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
  /** A against itself, where nothing but rounding is another. */
  readonly #moved = new Map<string, readonly Moved[]>();
  readonly #slices = new Map<string, readonly Slices[]>();
  readonly #disturbed = new Set<string>();
  readonly #shaken = new Set<string>();
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

  /** Runs A as the reference, on all sets that are not optional, and on the first of the others that it takes. */
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
      const values = await session.run(feeds, outputs);
      this.summaries.push(summarise(set, feeds));
      this.remarks.push(...nanInputs(set, feeds));
      this.#reference.set(set.label, values);
    };
    const optional = new OptionalSets(visit);
    const result = await trial(runtime, { role: 'a', source }, { ...referenceConfiguration, threads }, sets, optional.visit, opened);
    this.trials.set(nameOf(referenceConfiguration), result);
    this.remarks.push(...optional.remarks());
    if (!result.failure) for (const set of sets) if (this.#reference.has(set.label)) await this.#recall(runtime, source, set);
    return result;
  }

  /**
   * Runs A again: twice on the same input, to know whether it gives the same again, and a few times on the input moved by one rounding,
   * to know by how much its outputs then move. That takes time, so it is for outputs that differ without it. What can't be run makes no noise.
   */
  async measureNoise(runtime: Runtime, source: ModelSource, set: InputSet): Promise<void> {
    if (this.#disturbed.has(set.label)) return;
    this.#disturbed.add(set.label);
    const feeds = set.feeds();
    const { seed, threads, onRun } = this.#options;
    const reference = this.#reference.get(set.label)!;
    const outputs = Object.keys(reference);
    await trial(runtime, { role: 'a', source }, { ...referenceConfiguration, threads }, [set], async session => {
      onRun(`noise of the reference, ${set.label}`);
      for (const again of [await session.run(feeds, outputs), await session.run(feeds, outputs)])
        for (const output of outputs) if (!this.#agrees(set.label, output, again[output]!)) this.unsteady.add(output);
      if (!Object.values(feeds).some(t => isFloat(t.dtype))) return;
      for (let i = 0; i < perturbations; i++) this.#noteRun(set, await session.run(perturbed(feeds, seed + i), outputs));
    });
  }

  /**
   * Runs A with its weights moved by one rounding: what inputs that are zero, or tiny beside a bias, or saturate, do not show. It takes a model more, so it
   * is for what the noise of inputs does not explain, and noise may.
   */
  async measureWeightNoise(runtime: Runtime, source: Comparand, set: InputSet): Promise<void> {
    const { seed, threads, onRun } = this.#options;
    if (this.#shaken.has(set.label)) return;
    this.#shaken.add(set.label);
    const outputs = Object.keys(this.#reference.get(set.label)!);
    const shaken = { bytes: encode(withPerturbedWeights(await modelOf(source), seed), { inline: true }) };
    await trial(runtime, { role: 'a', source: shaken }, { ...referenceConfiguration, threads }, [set], async session => {
      onRun(`noise of the reference's weights, ${set.label}`);
      this.#noteRun(set, await session.run(set.feeds(), outputs));
    });
  }

  #noteRun({ label }: InputSet, moved: Tensors): void {
    for (const [output, expected] of Object.entries(this.#reference.get(label)!))
      this.#noteMoved(label, output, moved[output]!, compare(expected, moved[output]!, anything));
  }

  /** Whether rounding may be all that is the matter with an output of B: a tolerance may be as wide. */
  mayBeNoise({ output, input, comparison }: OutputResult, where: Configuration): boolean {
    if (comparison.same) return false;
    const expected = this.#reference.get(input)![output]!;
    if (exact(expected)) return isFew(comparison);
    return Number(comparison.relativeL2) <= bounds(expected.dtype, this.precisionOf(output), where.provider !== 'cpu').cap;
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
        const { tolerance, slices } = this.#measure(where, set.label, output, {});
        const drift = compare(expected, values[output]!, halved(ruleOf(tolerance, true, slices)));
        this.#drifts.set(key(where, set.label, output), drift);
        if (!drift.same) this.#drifted.set(key(where, set.label, output), values[output]!);
        const isRounding = exact(expected) ? isFew(drift) : isNoise(Number(drift.relativeL2), expected.dtype, precisionOf(output));
        if (where.provider === 'cpu' && isRounding) this.#noteMoved(set.label, output, values[output]!, drift);
      }
    });
    this.trials.set(nameOf(where), result);
  }

  #agrees(input: string, output: string, again: Tensor): boolean {
    const { expected, tolerance } = this.#measure(referenceConfiguration, input, output, {});
    return compare(expected, again, ruleOf(tolerance, true)).same;
  }

  /** What B's output is to be compared with in a configuration, and how closely. */
  standard(where: Configuration, input: string, output: string): Standard {
    const drift = this.#drifts.get(key(where, input, output));
    const reference = { ...this.#measure(where, input, output), against: 'reference', drift } as const;
    const own = this.#drifted.get(key(where, input, output));
    // Half of the tolerance for the runtime, half for the rewrite; a runtime that needs more is no stand-in for the reference, whatever is given.
    const { expected, tolerance, slices } = this.#measure(where, input, output, {});
    if (!own || compare(expected, own, halved(ruleOf(tolerance, true, slices))).same) return reference;
    const near = this.#measure({ ...where, provider: 'cpu' }, input, output, this.#options.tolerances, own);
    return { ...near, against: 'same-configuration', drift, otherwise: reference };
  }

  precisionOf(output: string): DType | undefined {
    return this.#options.precisionOf(output);
  }

  /** By how much an output moves when nothing but rounding changes: relative L2. */
  noiseOf(input: string, output: string): number {
    const expected = this.#reference.get(input)![output]!;
    return isFloat(expected.dtype) ? Math.max(0, ...this.#movedOf(input, output).map(m => Number(m.relativeL2))) : 0;
  }

  /** How often, and how far, an output of an exact type moves when nothing but rounding changes. */
  flipsOf(input: string, output: string): Flips {
    const moved = this.#movedOf(input, output);
    return { elements: Math.max(0, ...moved.map(m => m.violations)), by: Math.max(0, ...moved.map(m => Number(m.maxAbs))) };
  }

  #movedOf = (input: string, output: string): readonly Moved[] => this.#moved.get(key(referenceConfiguration, input, output)) ?? [];

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
    const { tolerance, slices } = this.#measure(where, input, output);
    return compare(stored, value, ruleOf(tolerance, true, slices));
  }

  #noteMoved(input: string, output: string, values: Tensor, moved: Comparison): void {
    // Another size, where sizes follow from values.
    if (moved.reasons.includes('shape')) return;
    const k = key(referenceConfiguration, input, output);
    const slices = this.#slicesOf(input, output).map(axis => movedBy(axis, this.#reference.get(input)![output]!, values));
    this.#moved.set(k, [...(this.#moved.get(k) ?? []), { ...moved, slices }]);
  }

  #slicesOf(input: string, output: string): readonly Slices[] {
    const k = key(referenceConfiguration, input, output);
    const expected = this.#reference.get(input)![output]!;
    const known = this.#slices.get(k) ?? slicesOf(expected, peakOf(expected));
    this.#slices.set(k, known);
    return known;
  }

  /** How closely an output is to be what is expected of it: the reference, or `expected`. */
  #measure(
    where: Configuration,
    input: string,
    output: string,
    given = this.#options.tolerances,
    expected = this.#reference.get(input)![output]!,
  ): Measure {
    const peak = peakOf(expected);
    const peaks = peak > 0 ? [] : [...this.#reference.values()].map(values => peakOf(values[output]!));
    const circumstances = {
      output,
      dtype: expected.dtype,
      precision: this.precisionOf(output),
      across: where.provider !== 'cpu',
      noise: this.noiseOf(input, output),
      peak,
      peakElsewhere: peaks.find(p => p > 0) ?? peak,
    };
    const tolerance = toleranceFor(circumstances, given);
    if (tolerance.source !== 'derived') return { expected, tolerance, slices: [] };
    const moved = this.#movedOf(input, output);
    const slices = this.#slicesOf(input, output).map((axis, i) => {
      const most = axis.peaks.map((_, slice) => Math.max(0, ...moved.map(m => m.slices[i]![slice]!)));
      return sliceRule(axis, tolerance, circumstances, most);
    });
    if (slices.length === 0) return { expected, tolerance, slices };
    const told = slices.map(({ axis, atol }) => ({ axis, leastAtol: atol.reduce((x, y) => Math.min(x, y)) }));
    return { expected, tolerance: { ...tolerance, slices: told }, slices };
  }
}

/** What an output is to be, and how closely. */
interface Measure {
  readonly expected: Tensor;
  readonly tolerance: Tolerance;
  readonly slices: readonly SliceRule[];
}

/** A against itself, and by how much slices of it moved. */
interface Moved extends Comparison {
  readonly slices: readonly Float64Array[];
}

export interface Standard extends Measure {
  readonly against: 'reference' | 'same-configuration';
  readonly drift: Comparison | undefined;
  /** What B may be instead: the reference, where the runtime is wrong on A, and need not be on B. */
  readonly otherwise?: Standard;
}

const key = (where: Configuration, input: string, output: string): string => JSON.stringify([nameOf(where), input, output]);

function halved({ atol, rtol, relativeL2, slices = [], ...rest }: Rule): Rule {
  const half = slices.map(s => ({ ...s, atol: s.atol.map(x => x / 2) }));
  return { ...rest, atol: atol / 2, rtol: rtol / 2, relativeL2: relativeL2 / 2, slices: half };
}

const anything = { atol: Number.POSITIVE_INFINITY, rtol: 0, relativeL2: Number.POSITIVE_INFINITY, equalNan: true };
