import { type DType, dtypes, isFloat, isKnown } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { bounds, noiseFactor, type Tolerance } from './tolerance.ts';

/**
 * Some outputs put side by side what has different magnitudes, such as a detector's boxes in pixels and its scores: [1, 84, 8400] with 4 rows up to 640
 * and 80 up to 1. An absolute tolerance that comes from the largest element says nothing about the scores. So the slices of an axis (one index of it,
 * everything along the others) whose largest magnitude is less than an eighth of the whole output's have a tolerance of their own:
 *
 *     atol = 8 base · max|slice|,
 *
 * wider where A's own elements of that slice move by more when its inputs move by one rounding: eight times that. It is never above the output's, nor
 * below a sixteenth of it (2.6 ε of the largest magnitude): what is small because it cancels has the rounding of what it cancels. Axes 0, 1 and the last are looked at, where slices have 256 elements or more.
 */
const slack = 8;
const smaller = 1 / 8;
const least = 1 / 16;
const fewestElements = 256;
const mostSlices = 4096;
/** How much more rounding there may be where another provider sums: the ratio of the bases of tolerances. */
const acrossFactor = 4;

/** The slices of one axis, in row-major order: element i is in slice ⌊i / stride⌋ mod size. */
export interface Axis {
  readonly axis: number;
  readonly size: number;
  readonly stride: number;
}

/** The largest magnitude of each slice. */
export interface Slices extends Axis {
  readonly peaks: Float64Array;
}

/** The atol of each slice. */
export interface SliceRule extends Axis {
  readonly atol: Float64Array;
}

/** The axes along which parts of a tensor are much smaller than its largest magnitude, `peak`. */
export function slicesOf(t: Tensor, peak: number): readonly Slices[] {
  if (!isFloat(t.dtype) || peak === 0 || t.size < 2 * fewestElements) return [];
  const values = t.numbers();
  const magnitude = (i: number) => Math.abs(values[i]!);
  return [...new Set([0, 1, t.rank - 1])].flatMap((axis): Slices[] => {
    const size = t.dims[axis] ?? 0;
    if (size < 2 || size > mostSlices || t.size / size < fewestElements) return [];
    const stride = t.dims.slice(axis + 1).reduce((product, d) => product * d, 1);
    const slices = { axis, size, stride };
    const peaks = largest(slices, t.size, magnitude);
    return peaks.some(p => p < smaller * peak) ? [{ ...slices, peaks }] : [];
  });
}

/** By how much each slice has moved. */
export function movedBy(axis: Axis, before: Tensor, after: Tensor): Float64Array {
  const [x, y] = [before.numbers(), after.numbers()];
  return largest(axis, x.length, i => Math.abs(x[i]! - y[i]!));
}

/** The largest finite number of each slice. */
function largest({ size, stride }: Axis, elements: number, of: (i: number) => number): Float64Array {
  const found = new Float64Array(size);
  for (let start = 0, slice = 0; start < elements; start += stride, slice = (slice + 1) % size) {
    let most = found[slice]!;
    for (let i = start; i < start + stride; i++) {
      const value = of(i);
      if (value > most && value < Number.POSITIVE_INFINITY) most = value;
    }
    found[slice] = most;
  }
  return found;
}

/** What a tolerance says of slices; `moved` is by how much each slice of A moves by rounding, where that is known. */
export function sliceRule(
  { peaks, ...axis }: Slices,
  tolerance: Tolerance,
  c: { readonly dtype: DType; readonly precision: DType | undefined; readonly across: boolean; readonly peak: number },
  moved: Float64Array | undefined,
): SliceRule {
  const { base } = bounds(c.dtype, c.precision, c.across);
  const noise = noiseFactor * (c.across ? acrossFactor : 1);
  const atol = peaks.map((peak, i) => {
    if (peak >= smaller * c.peak) return tolerance.atol;
    const own = Math.max(slack * base * peak, noise * (moved?.[i] ?? 0), least * tolerance.atol);
    return Math.min(own, tolerance.atol);
  });
  return { ...axis, atol };
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
