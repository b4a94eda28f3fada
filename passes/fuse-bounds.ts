import { boundedAtOnce, boundedBefore, boundedTwice, bounding } from '../src/functions/intervals.ts';
import { inferTypesForChains } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Joins Relu, Clip, and Max and Min with one number, two in a row, to one; leaves the second out where it bounds no further.
 *
 * Each is y = min(max(x, a), b), of infinite bounds where there are none. Then clamping x to [a, b] and that to [c, d] clamps x to
 * [clamp a, clamp b], both clamped to [c, d]; where a > b everything is b. NaN goes through all of them. A Clip of floats takes infinity to
 * the largest number where it is not given a bound, and that is kept.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float zero = {0}, float six = {6}, float nine = {9}>
 * {
 *   a = Relu (x)
 *   b = Max (zero, a)
 *   c = Min (b, nine)
 *   y = Clip (c, , six)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float six = {6}, float c_min = {0}>
 * {
 *   y = Clip (x, c_min, six)
 * }
 * ```
 */
export const fuseBounds = pass(
  'fuse-bounds',
  'exact',
  bounding.flatMap(name => [
    rule({
      match: p[name as 'Max'](any())
        .variadic()
        .where(node => boundedBefore(node) !== undefined)
        .as('outer'),
      rewrite: ({ outer: { node } }) => boundedBefore(node),
    }),
    rule({
      match: p[name as 'Max'](any()).variadic().taking(boundedTwice).as('outer'),
      rewrite: ({ outer: { node } }, op) => boundedAtOnce(node, op),
    }),
  ]),
  { prepare: inferTypesForChains(...bounding) },
);
