import { constantOf } from '../src/ir/constant.ts';
import type { Value } from '../src/ir/value.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, known, type Matched, optional, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import type { Tensor } from '../src/tensor/tensor.ts';

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

interface Padded {
  readonly x: Value;
  readonly amounts: Tensor | undefined;
  readonly fill: Tensor | undefined;
  readonly axes: Tensor | undefined;
  readonly pad: Matched<'Pad'>;
}

interface Window {
  readonly auto_pad?: string | undefined;
  readonly pads?: readonly number[] | undefined;
  readonly kernel_shape?: readonly number[] | undefined;
  readonly dilations?: readonly number[] | undefined;
}

const kernelRank = ({ kernel_shape }: Window, w: Value) => kernel_shape?.length ?? (constantOf(w)?.dims ?? w.sureShape)?.slice(2).length;

/** The lowest number of a type, which is as good as −∞ for a maximum. */
const lowest: Readonly<Record<string, number>> = { float: -3.4028234663852886e38, float16: -65504, double: -Number.MAX_VALUE };

/** The pads of both, where the Pad fills with what the operator does and leaves the first two axes alone; else why not. */
function joined(c: Padded, { auto_pad, pads }: Window, image: number | undefined, filler: number): number[] | string {
  const { amounts, fill, axes, pad } = c;
  const { pads: fixed, paddings, value } = pad.attrs;
  const given = amounts ? Array.from(amounts.numbers()) : (fixed ?? paddings);
  const filled = fill ? Number(fill.numbers()[0]) : (value ?? 0);
  const asGood = filler < 0 && filled === lowest[fill?.dtype ?? c.x.dtype ?? ''];
  if (filled !== filler && !asGood) return `it pads with ${filled}`;
  if (auto_pad !== 'NOTSET' && auto_pad !== 'VALID') return `how much ${auto_pad} pads depends on the image`;
  if (!given || image === undefined) return 'nothing is known of the rank of the image';
  const rank = image + 2;
  const at = axes ? Array.from(axes.numbers(), a => (a < 0 ? a + rank : a)) : Array.from({ length: rank }, (_, i) => i);
  if (given.length !== 2 * at.length || new Set(at).size < at.length) return 'its amounts do not fit the image';
  if (given.some(n => n < 0)) return 'it crops';
  const own = auto_pad === 'NOTSET' && pads ? pads : new Array<number>(2 * image).fill(0);
  const sum = [...own];
  for (const [i, axis] of at.entries()) {
    for (const end of [0, 1]) {
      const amount = given[i + end * at.length]!;
      if (axis >= 2) sum[axis - 2 + end * image]! += amount;
      else if (amount !== 0) return `it pads axis ${axis}`;
    }
  }
  return sum;
}

/** The pads, if every window of a pool reaches the image: ONNX Runtime wants them smaller than the kernel. */
function inReach(pads: number[] | string, { kernel_shape = [], dilations = [] }: Window): number[] | string {
  if (typeof pads === 'string') return pads;
  const reaches = dilations.every(d => d === 1) && pads.every((n, i) => n < kernel_shape[i % kernel_shape.length]!);
  return reaches ? pads : 'a window would fit into the padding alone';
}
