import type { Value } from '../ir/value.ts';
import type { Builder } from '../rewrite/builder.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import { Tensor } from '../tensor/tensor.ts';
import { centreOf, type Linear } from './linear.ts';
import type { Funnel } from './recognise.ts';
import { toLast } from './view.ts';

/** What T(x) is, channel by channel: slope·x + floor, and the sum of magnitudes of all other coefficients. */
interface Channels {
  readonly slope: Float64Array;
  readonly floor: Float64Array;
  readonly rest: Float64Array;
}

/** An activation that is near: how far its coefficients are from the funnel's, and how it is written. */
interface Candidate {
  readonly name: string;
  readonly error: number;
  write(x: Value): Value;
}

/**
 * A funnel as the activation that its weights make it, or why it is none. The error of a candidate is the largest sum over a channel of
 * |coefficients that differ|, E: then |y − y′| ≤ E·(max |x| + 1).
 */
export function writeActivation(funnel: Funnel, maxError: number, op: Builder): Value | Refusal {
  const [condition, second] = funnel.conditions;
  if (!condition || second) return op.refuse('E_FORM', 'it compares x with two conditions');
  const found = candidates(channelsOf(condition), condition.weight, op);
  const best = found.find(c => c.error <= maxError);
  if (!best) {
    const nearest = found.reduce((a, b) => (b.error < a.error ? b : a));
    return op.refuse('E_FORM', `its window counts: the nearest activation, ${nearest.name}, is ${nearest.error.toPrecision(2)} away`);
  }
  if (best.error > 0) op.note(`${best.name}, |difference| ≤ ${best.error.toPrecision(2)}·(max |x| + 1)`);
  const y = best.write(funnel.x);
  return funnel.last ? op.Transpose(y, { perm: toLast(condition.weight.rank) }) : y;
}

function channelsOf(map: Linear): Channels {
  const { centre: slope, rest } = centreOf(map);
  return { slope, rest, floor: Float64Array.from(map.bias.numbers()) };
}

/** Simplest first. */
function candidates({ slope, floor, rest }: Channels, { dtype, rank }: Tensor, op: Builder): Candidate[] {
  const shape = [slope.length, ...new Array<number>(rank - 2).fill(1)];
  /** The largest distance of any channel's coefficients from a·x + b. */
  const distance = (a: (c: number) => number, b: (c: number) => number) =>
    rest.reduce((worst, others, c) => Math.max(worst, others + Math.abs(slope[c]! - a(c)) + Math.abs(floor[c]! - b(c))), 0);
  const zero = () => 0;
  const alpha = Math.fround(Math.min(1, middle(slope)));
  const bound = middle(floor);
  const gentle = (c: number) => Math.min(1, slope[c]!);
  const low = () => Tensor.of(dtype, [], [bound]);
  return [
    { name: 'Relu', error: distance(zero, zero), write: x => op.Relu(x) },
    { name: 'the identity', error: distance(() => 1, zero), write: x => x },
    { name: `LeakyRelu ${alpha}`, error: distance(() => alpha, zero), write: x => op.LeakyRelu(x, { alpha }) },
    {
      name: 'PRelu',
      error: distance(gentle, zero),
      // Before operator set 7 a vector was per channel.
      write: x =>
        op.PRelu(
          x,
          Tensor.of(
            dtype,
            op.opset < 7 ? [slope.length] : shape,
            slope.map((_, c) => gentle(c)),
          ),
        ),
    },
    {
      name: `Clip from ${bound}`,
      // Before operator set 11 the bound is an attribute, of float.
      error: distance(zero, () => (op.opset < 11 ? Math.fround(bound) : bound)),
      write: x => (op.opset < 11 ? op.Clip(x, undefined, undefined, { min: bound }) : op.Clip(x, low())),
    },
    ...(op.opset < 8
      ? []
      : [
          {
            name: 'Max with a constant',
            error: distance(zero, c => floor[c]!),
            write: (x: Value) => op.Max(x, Tensor.of(dtype, shape, floor)),
          },
        ]),
  ];
}

/** Halfway between the smallest and the largest. */
function middle(values: Float64Array): number {
  const [low, high] = values.reduce(
    ([a, b], x) => [Math.min(a, x), Math.max(b, x)] as [number, number],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
  return low === high ? low : (low + high) / 2;
}
