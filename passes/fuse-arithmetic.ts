import { one, scales, shifts } from '../src/functions/arithmetic.ts';
import type { Value } from '../src/ir/value.ts';
import type { Builder } from '../src/rewrite/builder.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, type RootPattern } from '../src/rewrite/pattern.ts';
import type { Refusal } from '../src/rewrite/refusal.ts';
import { type Rule, rule } from '../src/rewrite/rule.ts';
import { isFloat } from '../src/tensor/dtype.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { smallestNormalOf } from '../src/tensor/ulp.ts';

/**
 * Joins arithmetic with constants: of two multiplications, or two additions, in a row one is left.
 *
 * (x·a)·b = x·(a·b), (x/a)·b = x·(b/a), (x + a) − b = x + (a − b), a − (b − x) = x + (a − b), and (x·a + b)·c = x·(a·c) + b·c. Of floats
 * only, and only where the joined constant is no larger than both. Arithmetic in float64, rounded once; refused are a factor that would
 * overflow or vanish, and terms that cancel.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float a = {2}, float[2] b = {3, 4}, float c = {0.5}>
 * {
 *   t = Mul (x, a)
 *   u = Sub (t, b)
 *   y = Div (u, c)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float y_B = {4}, float[2] y_B_1 = {-6, -8}>
 * {
 *   y_Mul = Mul (x, y_B)
 *   y = Add (y_Mul, y_B_1)
 * }
 * ```
 */
export const fuseArithmetic = pass('fuse-arithmetic', 'exact', [
  ...scales(any('x'), 'a').flatMap(inner =>
    scales(inner.match, 'b').map(outer =>
      joining<'a' | 'b'>(
        outer.match,
        c => [c.a, c.b],
        ({ x, a, b }, op) => factor(outer.of(inner.of(one(a), a), b), op, k => op.Mul(x, k)),
      ),
    ),
  ),
  ...shifts(any('x'), 'a').flatMap(inner =>
    shifts(inner.match, 'b').map(outer =>
      joining<'a' | 'b'>(
        outer.match,
        c => [c.a, c.b],
        ({ x, a, b }, op) => {
          const t = inner.shift(a).mul(outer.sign).add(outer.shift(b));
          if (cancels(t, a)) return op.refuse('E_ERROR', 'the constants cancel: x was rounded to the digits of one of them');
          return inner.sign === outer.sign ? op.Add(x, t) : op.Sub(t, x);
        },
      ),
    ),
  ),
  ...scales(any('x'), 'a').flatMap(inner =>
    shifts(inner.match, 'b').flatMap(middle =>
      scales(middle.match, 'c').map(outer =>
        joining<'a' | 'b' | 'c'>(
          outer.match,
          c => [c.a, c.b, c.c],
          ({ x, a, b, c }, op) =>
            factor(outer.of(inner.of(one(a), a), c).mul(middle.sign), op, k => op.Add(op.Mul(x, k), outer.of(middle.shift(b), c))),
        ),
      ),
    ),
  ),
]);

type Constants<N extends string> = { readonly x: Value } & Readonly<Record<N, Tensor>>;

/** A rule for floats whose constants do not grow by being broadcast to each other. */
function joining<N extends string>(
  match: RootPattern<{}>,
  constants: (c: Constants<N>) => readonly Tensor[],
  join: (c: Constants<N>, op: Builder) => Value | Refusal,
): Rule {
  return rule({
    match: match as RootPattern<Constants<N>>,
    rewrite(c, op) {
      const all = constants(c as Constants<N>);
      const sum = all.reduce((a, b) => a.add(b));
      return all.every(t => isFloat(t.dtype)) && all.some(t => t.size === sum.size) ? join(c as Constants<N>, op) : undefined;
    },
  });
}

/** Whether a sum with `a` in it is so much smaller that adding a by itself rounded x more coarsely. */
function cancels(t: Tensor, a: Tensor): boolean {
  const worn = Array.from(
    a
      .abs()
      .mul(2 ** -8)
      .sub(t.abs())
      .numbers(),
  );
  return worn.some(x => x > 0);
}

/** `build(k)`, unless a factor in k would not be a normal number. */
function factor(k: Tensor, op: Builder, build: (k: Tensor) => Value): Value | Refusal {
  const least = smallestNormalOf(k.dtype);
  const vanishes = Array.from(k.numbers()).some(x => x !== 0 && Math.abs(x) < least);
  return vanishes ? op.refuse('E_UNDERFLOW', 'the product of the factors would lose its precision') : build(k);
}
