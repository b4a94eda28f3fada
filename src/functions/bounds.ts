import type { Attrs } from '../ir/attrs.ts';
import type { Value } from '../ir/value.ts';
import type { Arg, Builder } from '../rewrite/builder.ts';
import { any, optional, p } from '../rewrite/pattern.ts';
import { rule } from '../rewrite/rule.ts';
import { Tensor } from '../tensor/tensor.ts';

/** Beyond this a bound is none: before operator set 11 the default was the largest float. */
const NONE = 3e38;

interface Bounds {
  readonly low: Value | undefined;
  readonly high: Value | undefined;
  readonly attrs: Attrs<'Clip'>;
}

const hasLow = ({ low, attrs }: Bounds) => low !== undefined || (attrs.min !== undefined && attrs.min > -NONE);
const hasHigh = ({ high, attrs }: Bounds) => high !== undefined || (attrs.max !== undefined && attrs.max < NONE);

/** min(max(x, low), high) as one Clip; undefined where the two do not have one bound each. */
function joined(x: Value, below: Bounds | 'Relu', above: Bounds, op: Builder): Value | undefined {
  if (hasLow(above) || !hasHigh(above) || (below !== 'Relu' && (!hasLow(below) || hasHigh(below)))) return undefined;
  if (op.opset < 11) {
    const [min, max] = [below === 'Relu' ? 0 : below.attrs.min!, above.attrs.max!];
    // ONNX Runtime refuses a Clip whose bounds are the wrong way round as attributes; as inputs the upper one wins.
    return min > max ? undefined : op.Clip(x, undefined, undefined, { min, max });
  }
  const low: Arg = below === 'Relu' ? x.dtype && Tensor.of(x.dtype, [], [0]) : below.low;
  return low && op.Clip(x, low, above.high);
}

/** A conversion parts the bounds of a Clip: the upper one stays behind the funnel. These join what is left of the funnel with it. */
export const boundRules = [
  rule({
    match: p.Clip(p.Relu(any('x')), optional(any('low')), optional(any('high'))).as('above'),
    rewrite: ({ x, low, high, above: { attrs } }, op) => joined(x, 'Relu', { low, high, attrs }, op),
  }),
  rule({
    match: p
      .Clip(
        p.Clip(any('x'), optional(any('innerLow')), optional(any('innerHigh'))).as('below'),
        optional(any('low')),
        optional(any('high')),
      )
      .as('above'),
    rewrite: ({ x, innerLow, innerHigh, below, low, high, above: { attrs } }, op) =>
      joined(x, { low: innerLow, high: innerHigh, attrs: below.attrs }, { low, high, attrs }, op),
  }),
];
