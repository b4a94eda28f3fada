import { expectTypeOf, test } from 'vitest';
import type { Value } from '../src/ir/value.ts';
import { any, constant, optional, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import type { Tensor } from '../src/tensor/tensor.ts';

test('captures are typed by the pattern, and wrong rules do not compile', () => {
  rule({
    match: p.Mul(p.Conv(any('x'), constant('w'), optional(constant('b'))).as('conv'), constant('k')),
    rewrite(c, op) {
      expectTypeOf(c.x).toEqualTypeOf<Value>();
      expectTypeOf(c.w).toEqualTypeOf<Tensor>();
      expectTypeOf(c.b).toEqualTypeOf<Tensor | undefined>();
      expectTypeOf(c.conv.attrs.group).toEqualTypeOf<number>();
      expectTypeOf(c.conv.attrs.pads).toEqualTypeOf<readonly number[] | undefined>();
      // @ts-expect-error there is no such capture
      void c.nope;
      // @ts-expect-error Relu has one input
      void (() => op.Relu(c.x, c.x));
      // @ts-expect-error Conv has no such attribute
      void (() => op.Conv(c.x, c.w, c.b, { padding: 1 }));
      // @ts-expect-error Conv needs a weight
      void (() => op.Conv(c.x));
      // @ts-expect-error there is no such reason
      void (() => op.refuse('E_NOPE'));
      void (() => op.Concat(c.x, c.x, c.x, { axis: 1 }));
      return op.Relu(c.x);
    },
  });
  // @ts-expect-error Conv needs a weight
  void p.Conv(any('x'));
  // @ts-expect-error no such operator
  void p.Convv;
  // @ts-expect-error an attribute of the wrong type
  void p.Conv(any('x'), any('w')).with({ group: 'a' });
  // @ts-expect-error the node a refusal is about must be captured
  void rule({ match: p.Relu(any('x')), about: 'bn', rewrite: ({ x }) => x });
});
