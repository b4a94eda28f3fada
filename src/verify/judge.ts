import type { DType } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { epsilonOf } from '../tensor/ulp.ts';
import { type Comparison, compare, exact } from './compare.ts';
import { type Flips, isFlipped } from './flips.ts';
import type { Drift } from './layer-report.ts';
import { peakOf } from './slices.ts';
import { describeDifference } from './words.ts';

/**
 * How far one layer may be off, as relative L2 in machine epsilons, when it is fed with the reference's values, so that there is no noise of
 * earlier layers to allow for. Measured on 848 layers of eight vision networks, folded against not: at most 6 on the CPU, at every level of
 * optimisation, and 6 on another provider. A layer of float16 and coarser is off by less of its ε: kernels compute in more and round once (0.34 measured).
 */
const fine = { same: 10, across: 40, noise: 8 };
const coarse = { same: 3, across: 10, noise: 2 };
const widest = 16;

export interface LayerCircumstances {
  /** By how much the layer's result moves when what it is fed with moves by one rounding: relative L2. */
  readonly noise: number;
  /** How many elements of an exact type that is, and how far they move at most. */
  readonly flips?: Flips;
  /** Whether it ran on another provider than the reference. */
  readonly across: boolean;
  readonly precision: DType | undefined;
}

export interface Judgement extends Drift {
  readonly same: boolean;
  /** No noise explains it. */
  readonly hopeless: boolean;
  /** Relative L2 that is allowed. */
  readonly allowed: number;
  readonly violations: number;
  /** How far it is off, in words; empty where it is not. */
  readonly message: string;
}

/** Holds the result of one layer against the reference's. NaN equals NaN: whether it should be there is for the outputs to say. */
export function judge(expected: Tensor, actual: Tensor, { noise, flips, across, precision }: LayerCircumstances): Judgement {
  const epsilon = Math.max(epsilonOf(expected.dtype), epsilonOf(precision ?? expected.dtype));
  const base = epsilon <= epsilonOf('float') ? fine : coarse;
  const start = (across ? base.across : base.same) * epsilon;
  const allowed = exact(expected) ? 0 : Math.min(Math.max(base.noise * noise, start), widest * start, 0.1);
  const comparison = compare(expected, actual, {
    atol: allowed * peakOf(expected),
    rtol: 4 * allowed,
    relativeL2: allowed,
    equalNan: true,
  });
  const { relativeL2, maxAbs, violations } = comparison;
  const same = comparison.same || (flips !== undefined && isFlipped(expected, comparison, flips));
  return {
    same,
    hopeless: !exact(expected) && isHopeless(comparison, widest * start),
    allowed,
    violations,
    relativeL2,
    maxAbs,
    message: same ? '' : describeDifference(comparison, allowed),
  };
}

const isHopeless = ({ reasons, relativeL2 }: Comparison, most: number): boolean =>
  reasons.includes('shape') || reasons.includes('dtype') || Number(relativeL2) > most;
