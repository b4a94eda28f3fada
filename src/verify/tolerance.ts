import type { DType } from '../tensor/dtype.ts';
import { epsilonOf } from '../tensor/ulp.ts';
import { type JsonNumber, json, type Rule } from './compare.ts';
import type { SliceRule } from './slices.ts';

/**
 * How tolerances are derived.
 *
 * Unit: ε, the machine epsilon of the coarsest floating type involved. Rounding noise of whole networks, measured as relative L2 on final outputs
 * of seven float32 vision networks, is at most 4e-7 (3.6 ε) between forms and optimisation levels of one provider and 2.4e-6 (20 ε) between providers;
 * one wrong weight kernel of fifty gives 6e-5 and more. So for float32 and finer
 *
 *     base = 42 ε (5e-6)   on the reference's provider,      base = 168 ε (2e-5)   on another one.
 *
 * float16 and coarser have no room for that margin: 10 ε and 20 ε.
 *
 * A model may be worse conditioned than those networks, and A shows by how much: `noise` is the relative L2 by which A's own output moves when its inputs
 * move by one rounding, or when the optimisation level changes. Eight times that noise is allowed, within bounds, so that a runtime
 * that is plainly wrong does not make everything right:
 *
 *     relativeL2 = clamp(8 noise, base, min(16 base, 0.1))
 *
 * Relative L2 hides one broken element among a million, and element-wise relative error means nothing where a sum cancels. The element rule
 * |a − b| ≤ atol + rtol·|a| therefore takes its absolute part from the output's largest magnitude (noise measured on eight networks stays below a tenth of it):
 *
 *     rtol = 4 relativeL2,      atol = relativeL2 · max|a|
 *
 * Lengths of sums are not looked at, for this covers them: how far two orders of summation are apart was measured on MatMul, K terms a sum, normal
 * and uniform inputs, float32, in ε. On the CPU provider, one MatMul against the sum of 2 and of 100 parts: at most 5, 5, 6 and 7 for K = 10³, 10⁴, 10⁵
 * and 10⁶, and nothing at all between levels of optimisation: its kernels sum in blocks, and the base allows 42. webgpu sums term by term; against the CPU:
 * at most 2, 17 and 51 for K = 10³, 10⁴ and 10⁵, growing as √K, and the base allows 168. Beyond some 10⁶ terms it is off by so much (170 to 1,300 for
 * K = 10⁶) that another order of the same sum is called different there; that needs a tolerance by hand.
 *
 * Parts of an output that are much smaller than the rest of it have an atol of their own; see slices.ts.
 *
 * An output that is zero throughout has no magnitude of its own; the one it has under the first input that makes it non-zero stands in, and only the element rule applies.
 */
const fine = { same: 42, across: 168 };
const coarse = { same: 10, across: 20 };
export const noiseFactor = 8;
const widest = 16;
const ceiling = 0.1;

export interface Circumstances {
  readonly output: string;
  readonly dtype: DType;
  /** The coarsest floating type that the output is computed in, where that is known. */
  readonly precision: DType | undefined;
  /** Whether the two sides ran on different providers. */
  readonly across: boolean;
  /** A's own noise, as relative L2. */
  readonly noise: number;
  /** Largest finite magnitude of the reference output, and, where that is 0, of the same output under another input. */
  readonly peak: number;
  readonly peakElsewhere: number;
}

/** Tolerances given by hand: for all outputs, and by output name, which counts more. */
export interface Given {
  readonly atol?: number | undefined;
  readonly rtol?: number | undefined;
}
export interface GivenTolerances extends Given {
  readonly outputs?: Readonly<Record<string, Given>> | undefined;
}

/** A rule as a verdict prints it. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
  readonly relativeL2: JsonNumber;
  readonly source: 'derived' | 'given' | 'exact';
  /** Axes along which parts of the output, being smaller, have a smaller atol: the least of them. */
  readonly slices?: readonly { readonly axis: number; readonly leastAtol: number }[];
  /** Why these numbers. */
  readonly because: string;
}

/** Bounds of the relative L2 for a type: where it starts, and how far noise may widen it. */
export function bounds(dtype: DType, precision: DType | undefined, across: boolean): { readonly base: number; readonly cap: number } {
  const epsilon = Math.max(epsilonOf(dtype), epsilonOf(precision ?? dtype));
  const { same, across: other } = epsilon <= 2 ** -23 ? fine : coarse;
  const base = Math.min((across ? other : same) * epsilon, ceiling);
  return { base, cap: Math.min(widest * base, ceiling) };
}

/** Whether a relative L2 is the noise of a working runtime: what is more counts as that runtime's error, and widens nothing. */
export function isNoise(relativeL2: number, dtype: DType, precision: DType | undefined): boolean {
  return noiseFactor * relativeL2 <= bounds(dtype, precision, true).cap;
}

/** The tolerance for one output under one input. */
export function toleranceFor(c: Circumstances, given: GivenTolerances): Tolerance {
  if (epsilonOf(c.dtype) === 0)
    return { atol: 0, rtol: 0, relativeL2: 0, source: 'exact', because: `${c.dtype} values are compared exactly` };
  const { base, cap } = bounds(c.dtype, c.precision, c.across);
  const relativeL2 = Math.min(Math.max(noiseFactor * c.noise, base), cap);
  const zero = c.peak === 0;
  const derived = { atol: relativeL2 * (zero ? c.peakElsewhere : c.peak), rtol: 4 * relativeL2 };
  const own = given.outputs && Object.hasOwn(given.outputs, c.output) ? given.outputs[c.output] : undefined;
  const [atol, rtol] = [own?.atol ?? given.atol, own?.rtol ?? given.rtol];
  if (atol !== undefined || rtol !== undefined) {
    const because = [atol === undefined ? 'atol derived' : 'atol given', rtol === undefined ? 'rtol derived' : 'rtol given'].join(', ');
    return { atol: atol ?? derived.atol, rtol: rtol ?? derived.rtol, relativeL2: 'Infinity', source: 'given', because };
  }
  const widened = relativeL2 > base ? `, widened for A's own noise of ${c.noise.toExponential(1)}` : '';
  const type = epsilonOf(c.precision ?? c.dtype) > epsilonOf(c.dtype) ? `computed in ${c.precision}` : c.dtype;
  const because = `${type}, ${c.across ? 'another provider than the reference' : 'same provider'}${widened}`;
  return { ...derived, relativeL2: zero ? 'Infinity' : json(relativeL2), source: 'derived', because };
}

/** The rule that `compare` applies. */
export function ruleOf(t: Tolerance, equalNan: boolean, slices: readonly SliceRule[] = []): Rule {
  return { atol: t.atol, rtol: t.rtol, relativeL2: Number(t.relativeL2), equalNan, slices };
}
