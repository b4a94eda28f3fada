import { shapeCases } from '../src/infer/shapes.ts';
import { cloneModel } from '../src/ir/clone.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Model } from '../src/ir/model.ts';
import { bodies } from '../src/ir/model.ts';
import { retyped } from '../src/ir/retype.ts';
import { RuntimeFailure } from '../src/runtime/failure.ts';
import type { Runtime, Tensors } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { type DType, isFloat } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { epsilonOf } from '../src/tensor/ulp.ts';
import { Baseline } from '../src/verify/baseline.ts';
import { type Comparison, compare } from '../src/verify/compare.ts';
import { referenceConfiguration } from '../src/verify/configuration.ts';
import { generate, type InputKind, type InputSet } from '../src/verify/inputs.ts';
import { ruleOf } from '../src/verify/tolerance.ts';
import { feedsFor, trial } from '../src/verify/trial.ts';
import { Dice } from './dice.ts';

/** How a result differs. `rounding`: by what rounding of weights alone does to this network, or where its own result is not finite. */
export type Answer =
  | { readonly same: true; readonly rounding: boolean }
  | { readonly same: false; readonly kind: 'runtime' | 'values' | 'not-finite'; readonly detail: string; readonly input?: InputKind };

/** Element types that the runtime has few kernels for. */
const bare = (dtype: DType): boolean => dtype === 'double' || dtype === 'bfloat16';

/** Signs, channels, borders, and what biases make of nearly nothing. */
const inputKinds: readonly InputKind[] = ['normal', 'flips', 'edges', 'tiny'];

/** A network with its results on the unoptimised runtime: what others are compared with. */
export class Subject {
  readonly model: Model;
  readonly #runtime: Runtime;
  readonly #sets: readonly InputSet[];
  readonly #outputs: readonly string[];
  readonly #baseline: Baseline;
  readonly #retype: boolean;
  /** Whether all its numbers are float: what is narrower rounds parameters that attributes hold. */
  readonly #isFloat: boolean;
  /** What was compared already, by its bytes. */
  readonly #known = new Map<string, Answer>();
  #moved: Map<string, Tensors[]> | undefined;

  private constructor(model: Model, runtime: Runtime, sets: readonly InputSet[], baseline: Baseline, retype: boolean, isFloat: boolean) {
    this.model = model;
    this.#runtime = runtime;
    this.#sets = sets;
    this.#outputs = model.graph.outputs.map(v => v.name);
    this.#baseline = baseline;
    this.#retype = retype;
    this.#isFloat = isFloat;
  }

  /** Runs a network; a text says why it can't be run. */
  static async of(model: Model, runtime: Runtime, kinds = inputKinds): Promise<Subject | string> {
    const dtypes = new Set<DType>();
    retyped(model, dtype => {
      dtypes.add(dtype);
      return dtype;
    });
    const retype = [...dtypes].some(bare);
    const bytes = encode(judged(model, retype), { inline: true });
    try {
      const { inputs } = await runtime.outputTypes({ bytes }, { strictShapes: true });
      const precision = dtypes.has('bfloat16') ? 'bfloat16' : dtypes.has('float16') ? 'float16' : undefined;
      const outputs = model.graph.outputs.map(v => v.name);
      let why = '';
      // Another batch shows what was written into a shape that should not be; not every network takes one.
      for (const symbols of inputs.some(i => i.shape.includes('N')) ? [{ N: [2, 3] }, {}] : [{}]) {
        const sets = generate(inputs, shapeCases(inputs, { symbols }), kinds, 0);
        const baseline = new Baseline({
          seed: 0,
          threads: 1,
          equalNan: true,
          precisionOf: () => precision,
          tolerances: {},
          onRun: () => {},
        });
        const { failure } = await baseline.measureReference(runtime, { bytes }, sets, outputs);
        if (!failure) return new Subject(model, runtime, sets, baseline, retype, precision === undefined && !retype);
        why = failure.message;
      }
      return why;
    } catch (error) {
      if (error instanceof RuntimeFailure) return error.message;
      throw error;
    }
  }

  /** Whether another model computes the same. */
  async compareWith(model: Model, wantsBits = false): Promise<Answer> {
    const bitExact = wantsBits && this.#isFloat;
    const bytes = encode(judged(model, this.#retype), { inline: true });
    const key = `${bitExact} ${Buffer.from(bytes).toString('latin1')}`;
    const known = this.#known.get(key);
    if (known) return known;
    const answer = await this.#compare(bytes, bitExact);
    this.#known.set(key, answer);
    return answer;
  }

  async #compare(bytes: Uint8Array, bitExact: boolean): Promise<Answer> {
    const differences: { set: InputSet; output: string; expected: Tensor; actual: Tensor; comparison: Comparison }[] = [];
    const where = { ...referenceConfiguration, threads: 1 };
    const { failure } = await trial(this.#runtime, { role: 'b', source: { bytes } }, where, this.#sets, async (session, set) => {
      const values = await session.run(feedsFor(session, set.feeds()), this.#outputs);
      for (const output of this.#outputs) {
        const { expected, tolerance } = this.#baseline.standard(where, set.label, output);
        const rule = bitExact ? { atol: 0, rtol: 0, relativeL2: 0, equalNan: true } : ruleOf(tolerance, true);
        const actual = values[output]!;
        const comparison = compare(expected, actual, rule);
        if (!comparison.same) differences.push({ set, output, expected, actual, comparison });
      }
    });
    if (failure) return { same: false, kind: 'runtime', detail: failure.message };
    for (const { set, output, expected, actual, comparison } of differences) {
      if (!bitExact && (await this.#isRounding(set, output, expected, actual))) continue;
      const { reasons, worst, relativeL2, requiredAtol } = comparison;
      const at = worst ? `, [${worst.index}]: ${worst.expected} became ${worst.actual}` : '';
      const detail = `output '${output}' under '${set.label}': ${reasons.join(', ')}, relative L2 ${relativeL2}, atol ${requiredAtol}${at}`;
      return {
        same: false,
        kind: reasons.includes('nan') || reasons.includes('infinity') ? 'not-finite' : 'values',
        detail,
        ...(set.source !== 'given' && { input: set.source }),
      };
    }
    return { same: true, rounding: differences.length > 0 };
  }

  /** Whether weights that move by one rounding make as large a difference, or the network itself overflows. */
  async #isRounding(set: InputSet, output: string, expected: Tensor, actual: Tensor): Promise<boolean> {
    if (expected.dtype !== actual.dtype || expected.dims.join() !== actual.dims.join() || !isFloat(expected.dtype)) return false;
    const [a, b] = [expected.numbers(), actual.numbers()];
    this.#moved ??= await this.#perturbed();
    const others = (this.#moved.get(set.label) ?? []).map(values => values[output]!.numbers());
    let [moved, difference] = [0, 0];
    for (let i = 0; i < a.length; i++) {
      if (!Number.isFinite(a[i]!)) continue;
      // What MaxPool makes of NaN.
      if (Math.abs(a[i]!) > 1e38) return true;
      if (others.some(other => !Number.isFinite(other[i]!))) return true;
      moved = Math.max(moved, ...others.map(other => Math.abs(other[i]! - a[i]!)));
      difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    }
    return difference <= 16 * moved;
  }

  async #perturbed(): Promise<Map<string, Tensors[]>> {
    const results = new Map<string, Tensors[]>();
    for (const seed of [1, 2, 3]) {
      const bytes = encode(judged(perturbed(this.model, seed), this.#retype), { inline: true });
      await trial(
        this.#runtime,
        { role: 'a', source: { bytes } },
        { ...referenceConfiguration, threads: 1 },
        this.#sets,
        async (session, set) => {
          const list = results.get(set.label) ?? [];
          results.set(set.label, [...list, await session.run(feedsFor(session, set.feeds()), this.#outputs)]);
        },
      );
    }
    return results;
  }
}

const judged = (model: Model, retype: boolean): Model => (retype ? retyped(model, dtype => (bare(dtype) ? 'float' : dtype)) : model);

/** A copy whose float constants are each moved by one rounding, at each use of its own: x + c − c shows how it rounds. */
function perturbed(model: Model, seed: number): Model {
  const dice = new Dice(`perturbed ${seed}`);
  const move = (t: Tensor): Tensor => {
    if (!isFloat(t.dtype)) return t;
    // A double is judged as a float.
    const epsilon = Math.max(epsilonOf(t.dtype), epsilonOf('float'));
    return Tensor.of(
      t.dtype,
      t.dims,
      Float64Array.from(t.numbers(), x => x * (1 + (dice.chance(0.5) ? epsilon : -epsilon))),
    );
  };
  const copy = cloneModel(model, {
    define: d =>
      d.kind === 'constant'
        ? { ...d, tensor: move(d.tensor) }
        : d.kind === 'input' && d.fallback
          ? { ...d, fallback: move(d.fallback) }
          : d,
    resolve: attribute => (attribute.type === 'tensor' ? { ...attribute, value: move(attribute.value) } : attribute),
  });
  let next = 0;
  for (const node of copy.graph.allNodes()) {
    for (const [i, value] of node.inputs.entries()) {
      const tensor = constantOf(value);
      if (tensor && isFloat(tensor.dtype)) node.setInput(i, copy.graph.addConstant(`moved ${next++}`, move(tensor)));
    }
  }
  return copy;
}

/** How many numbers a model holds as constants. */
export function sizeOfConstants(model: Model): number {
  let size = 0;
  for (const { graph } of bodies(model)) {
    for (const value of graph.constants) size += value.constant?.size ?? 0;
    for (const node of graph.allNodes()) size += node.op.name === 'Constant' ? (constantOf(node.outputs[0])?.size ?? 0) : 0;
  }
  return size;
}
