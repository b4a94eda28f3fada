import { inReach, joined, kernelRank } from '../src/functions/padding.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, known, optional, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Folds Pad into the pads of the Conv, AveragePool or MaxPool after it.
 *
 * The operator must pad with what Pad pads with: zeros for Conv and for AveragePool that counts its padding, −∞ (or the lowest number) for
 * MaxPool. Only axes of the image may be padded, and by no negative amount; SAME padding, whose amount depends on the image, stays. A
 * window of a pool must not fit into the padding alone.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,3,3] x) => (float[1,1,3,3] y)
 * <float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, int64[8] around = {0, 0, 1, 1, 0, 0, 0, 1}>
 * {
 *   t = Pad (x, around)
 *   y = Conv <pads: ints = [0, 0, 1, 0]> (t, w)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,3,3] x) => (float[1,1,3,3] y)
 * <float[1,1,3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}>
 * {
 *   y = Conv <pads: ints = [1, 1, 1, 1]> (x, w)
 * }
 * ```
 */
export const foldPad = pass('fold-pad', 'exact', [
  rule({
    match: p.Conv(padded(), any('w'), optional(any('b'))).as('conv'),
    rewrite(c, op) {
      const { conv, w, b } = c;
      const pads = joined(c, conv.attrs, kernelRank(conv.attrs, w), 0);
      if (typeof pads === 'string') return op.refuse('E_FORM', pads);
      return op.Conv(c.x, w, b, { ...conv.attrs, pads, auto_pad: 'NOTSET' });
    },
  }),
  rule({
    match: p.AveragePool(padded()).with({ ceil_mode: 0 }).as('pool'),
    rewrite(c, op) {
      const { attrs } = c.pool;
      if (attrs.count_include_pad !== 1) return op.refuse('E_ATTRIBUTE', 'the pool does not count its padding');
      const pads = inReach(joined(c, attrs, attrs.kernel_shape?.length, 0), attrs);
      return typeof pads === 'string' ? op.refuse('E_FORM', pads) : op.AveragePool(c.x, { ...attrs, pads, auto_pad: 'NOTSET' });
    },
  }),
  rule({
    match: p.MaxPool(padded()).with({ ceil_mode: 0, storage_order: 0 }).as('pool'),
    rewrite(c, op) {
      const { attrs } = c.pool;
      const pads = inReach(joined(c, attrs, attrs.kernel_shape?.length, Number.NEGATIVE_INFINITY), attrs);
      return typeof pads === 'string' ? op.refuse('E_FORM', pads) : op.MaxPool(c.x, { ...attrs, pads, auto_pad: 'NOTSET' });
    },
  }),
]);

/** A Pad by constant amounts: attributes before operator set 11, inputs since. */
function padded() {
  return p
    .Pad(any('x'), optional(known('amounts')), optional(known('fill')), optional(known('axes')))
    .with({ mode: 'constant' })
    .as('pad');
}
