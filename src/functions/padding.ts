import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import type { Builder } from '../rewrite/builder.ts';
import type { Matched } from '../rewrite/pattern.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { applyTo, knownSetting, operandOf, settingOf } from './operands.ts';
import { fromZero } from './shapes.ts';

/** What a rule captures of a Pad: amounts and filler are attributes before operator set 11, inputs since. */
export interface Padded {
  readonly x: Value;
  readonly amounts: Tensor | undefined;
  readonly fill: Tensor | undefined;
  readonly axes: Tensor | undefined;
  readonly pad: Matched<'Pad'>;
}

/** The attributes of a convolution or pool that say where its windows are. */
export interface Window {
  readonly auto_pad?: string | undefined;
  readonly pads?: readonly number[] | undefined;
  readonly kernel_shape?: readonly number[] | undefined;
  readonly dilations?: readonly number[] | undefined;
}

/** Dimensions of the image that a convolution takes in, where they are known. */
export const kernelRank = ({ kernel_shape }: Window, w: Value) =>
  kernel_shape?.length ?? (constantOf(w)?.dims ?? w.sureShape)?.slice(2).length;

/** The lowest number of a type, which is as good as −∞ for a maximum. */
const lowest: Readonly<Record<string, number>> = { float: -3.4028234663852886e38, float16: -65504, double: -Number.MAX_VALUE };

/** The pads of both, where the Pad fills with what the operator does and leaves the first two axes alone; else why not. */
export function joined(c: Padded, { auto_pad, pads }: Window, image: number | undefined, filler: number): number[] | string {
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
export function inReach(pads: number[] | string, { kernel_shape = [], dilations = [] }: Window): number[] | string {
  if (typeof pads === 'string') return pads;
  const reaches = dilations.every(d => d === 1) && pads.every((n, i) => n < kernel_shape[i % kernel_shape.length]!);
  return reaches ? pads : 'a window would fit into the padding alone';
}

/** Filling before and behind a tensor, by axis. */
type Amounts = ReadonlyMap<number, readonly [number, number]>;

/** A Pad of x followed by another of the same filling, as one; undefined where that takes numbers that are not known, or one crops. */
export function paddedAtOnce(x: Value, first: Matched<'Pad'>, second: Matched<'Pad'>, op: Builder): Value | undefined {
  const { mode, value } = second.attrs;
  const fill = fillOf(second);
  if ((mode !== 'constant' && mode !== 'edge') || mode !== first.attrs.mode || fill === undefined || fill !== fillOf(first))
    return undefined;
  const rank = [first, second].map(fullRank).find(r => r !== undefined) ?? x.sureShape?.length;
  const [inner, outer] = [amountsOf(first.node, rank), amountsOf(second.node, rank)];
  if (!inner || !outer) return undefined;
  const axes = rank === undefined ? [...new Set([...inner.keys(), ...outer.keys()])] : Array.from({ length: rank }, (_, i) => i);
  const pads = [0, 1].flatMap(end => axes.map(axis => (inner.get(axis)?.[end] ?? 0) + (outer.get(axis)?.[end] ?? 0)));
  const settings = { pads, constant_value: operandOf(second.node, 'constant_value'), axes: rank === undefined ? axes : undefined };
  return applyTo('Pad', x, settings, op, { mode, value });
}

/** What a Pad fills with. */
function fillOf({ node, attrs: { value } }: Matched<'Pad'>): number | undefined {
  const setting = settingOf(node, 'constant_value');
  return setting === 'computed' ? undefined : (setting?.[0] ?? value ?? 0);
}

/** The rank that a Pad of all axes tells. */
function fullRank({ node }: Matched<'Pad'>): number | undefined {
  const pads = knownSetting(node, 'pads');
  return pads && settingOf(node, 'axes') === undefined ? pads.length / 2 : undefined;
}

function amountsOf(node: Node, rank: number | undefined): Amounts | undefined {
  const [pads, given] = [settingOf(node, 'pads'), settingOf(node, 'axes')];
  if (!pads || pads === 'computed' || given === 'computed' || pads.some(n => n < 0)) return undefined;
  const count = pads.length / 2;
  const axes = fromZero(given ?? Array.from({ length: count }, (_, i) => i), rank);
  return axes?.length === count ? new Map(axes.map((axis, i) => [axis, [pads[i]!, pads[i + count]!]])) : undefined;
}
