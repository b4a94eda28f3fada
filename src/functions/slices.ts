import type { Node } from '../ir/node.ts';
import type { Dim, Value } from '../ir/value.ts';
import type { Builder } from '../rewrite/builder.ts';
import { applyTo, settingOf } from './operands.ts';
import { fromZero } from './shapes.ts';

/** From this end on a Slice goes to the end. */
export const TO_THE_END = 2 ** 31 - 1;

/** Elements start, start + step, … before end, from 0 on; start and end may lie behind the last element. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** A Slice of x followed by another, as one; undefined where that takes sizes or numbers that are not known. */
export function slicedAtOnce(x: Value, first: Node, second: Node, op: Builder): Value | undefined {
  const shape = x.sureShape;
  const inner = rangesOf(first, shape);
  const outer =
    inner &&
    rangesOf(
      second,
      shape?.map((d, axis) => (inner.has(axis) ? sizeOf(inner.get(axis)!, d) : d)),
    );
  if (!inner || !outer) return undefined;
  for (const [axis, range] of outer) inner.set(axis, inner.has(axis) ? within(inner.get(axis)!, range) : range);
  const all = [...inner].sort(([a], [b]) => a - b);
  const settings = {
    starts: all.map(([, { start }]) => start),
    ends: all.map(([, { end }]) => Math.min(end, 2 ** 63)),
    axes: all.map(([axis]) => axis),
  };
  // Before operator set 10 there are no steps.
  const steps = all.map(([, { step }]) => step);
  return applyTo('Slice', x, steps.every(s => s === 1) ? settings : { ...settings, steps }, op);
}

/** What `outer` takes of what `inner` takes. */
function within(inner: Range, outer: Range): Range {
  return {
    start: inner.start + inner.step * outer.start,
    end: Math.min(inner.end, Math.max(0, inner.start + inner.step * (outer.end - 1) + 1)),
    step: inner.step * outer.step,
  };
}

/** How many elements a range takes of so many. */
function sizeOf({ start, end, step }: Range, size: Dim): Dim {
  return typeof size === 'number' ? Math.max(0, Math.ceil((Math.min(end, size) - start) / step)) : undefined;
}

/** What a Slice takes, by axis; undefined where it is computed, counts from an end that is not known, or turns the order round. */
function rangesOf(node: Node, shape: readonly Dim[] | undefined): Map<number, Range> | undefined {
  const [starts, ends, given, steps] = ['starts', 'ends', 'axes', 'steps'].map(name => settingOf(node, name));
  if (!starts || !ends || starts === 'computed' || ends === 'computed' || given === 'computed' || steps === 'computed') return undefined;
  const axes = fromZero(given ?? starts.map((_, i) => i), shape?.length);
  const ranges = new Map<number, Range>();
  for (const [i, axis] of axes?.entries() ?? []) {
    const step = steps?.[i] ?? 1;
    const start = index(starts[i]!, shape?.[axis]);
    const end = ends[i]! >= TO_THE_END ? Number.POSITIVE_INFINITY : index(ends[i]!, shape?.[axis]);
    if (step < 1 || start === undefined || end === undefined || ranges.has(axis)) return undefined;
    ranges.set(axis, { start, end, step });
  }
  return axes && ranges;
}

/** An index counted from 0. */
function index(at: number, size: Dim): number | undefined {
  if (at >= 0) return at;
  return typeof size === 'number' ? Math.max(0, at + size) : undefined;
}
