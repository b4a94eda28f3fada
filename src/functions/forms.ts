import type { Value } from '../ir/value.ts';
import type { Builder } from '../rewrite/builder.ts';
import { byteLengthOf } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import { freluAttributes, freluFunction, samePads } from './frelu.ts';
import { constantTap, type Linear, scaled, sum } from './linear.ts';
import type { Funnel } from './recognise.ts';
import { neutralNormalization } from './start.ts';
import { toLast } from './view.ts';

/**
 * How a funnel max(x, T(x)) can be written, T its folded convolution:
 *
 * | form | nodes |
 * |---|---|
 * | `fused` | one call of the function `funnel.FReLU` |
 * | `max` | Max(T(x), x) |
 * | `trainable` | Max(BN(T(x)), x), BN an identity at first |
 * | `residual` | x + relu(T(x) − x), where T(x) − x is T with 1 taken off the centre tap |
 * | `identity-conv` | the same, x passed through a depthwise 1×1 convolution that ONNX Runtime's CPU provider fuses the sum into |
 */
export type Form = 'fused' | 'max' | 'trainable' | 'residual' | 'identity-conv';
export const forms = ['fused', 'max', 'trainable', 'residual', 'identity-conv'] as const satisfies readonly Form[];

/** From this window size on, a cross-shaped T is cheaper as its two arms. */
const SPLIT_FROM = 5;

/** Builds a funnel in a form; its channels lie where the funnel's did. `xFirst` exchanges the operands of Max. */
export function writeFunnel(funnel: Funnel, form: Form, op: Builder, xFirst = false): Value {
  const { x, last, conditions } = funnel;
  const y = form === 'residual' || form === 'identity-conv' ? residual(x, conditions, form, op) : called(x, conditions, form, op, xFirst);
  return last ? op.Transpose(y, { perm: toLast(conditions[0]!.weight.rank) }) : y;
}

const windowOf = ({ weight, dilations }: Linear) => ({ kernel_shape: weight.dims.slice(2), dilations });

function called(x: Value, maps: readonly Linear[], form: 'fused' | 'max' | 'trainable', op: Builder, xFirst: boolean): Value {
  const [first] = maps as [Linear, ...Linear[]];
  const channels = first.weight.dims[0]!;
  if (form === 'max' && xFirst) return op.Max(x, ...maps.map(map => conv(x, map, op)));
  const trainable = form === 'trainable';
  const f = freluFunction(op.opset, { condition: maps.length > 1 ? 'light-max' : 'conv', trainable }, first.weight.rank - 2);
  const operands = maps.flatMap(({ weight, bias }) => {
    if (!trainable) return [weight, bias];
    const { scale, mean, variance } = neutralNormalization(channels, first.weight.dtype);
    return [weight, scale, bias, mean, variance];
  });
  const attributes = freluAttributes(maps.map(windowOf), channels);
  return op[form === 'fused' ? 'call' : 'inline'](f, [x, ...operands], attributes);
}

/** max(x, T) = x + relu(T − x), and max(x, A, B) = x + relu((B − x) + relu(A − B)). */
function residual(x: Value, maps: readonly Linear[], form: 'residual' | 'identity-conv', op: Builder): Value {
  const [first, second] = maps as [Linear, Linear?];
  const { dtype, rank } = first.weight;
  const one = constantTap(dtype, first.weight.dims[0]!, rank - 2, 1);
  const between = second && less(first, second);
  const above = less(second ?? first, one)!;
  const lost = byteLengthOf(dtype, 1) === 2 ? Math.max(...[above, ...(between ? [between] : [])].map(lossOf)) : 0;
  if (lost > 0)
    op.note(`${form} in ${dtype} costs weights their last bits: |difference| ≤ ${lost.toPrecision(2)}·(max |x| + 1), and rounding`);
  const gain = second && between ? op.Add(conv(x, above, op), op.Relu(applied(x, between, op))) : applied(x, above, op);
  const passed = form === 'identity-conv' ? conv(x, { ...one, weight: Tensor.fill(dtype, one.weight.dims, 1) }, op, false) : x;
  return op.Add(passed, op.Relu(gain));
}

/** T(x): one convolution, or two where T is a large cross, as the difference of two arms is too. */
function applied(x: Value, map: Linear, op: Builder): Value {
  const arms = crossArms(map);
  return arms ? op.Add(conv(x, arms[0], op), conv(x, arms[1], op, false)) : conv(x, map, op);
}

/** What rounding takes off a map's coefficients: the largest sum over a channel. */
function lossOf({ weight, bias }: Linear): number {
  const channels = bias.size;
  const lost = new Float64Array(channels);
  for (const t of [weight, bias]) {
    const [exact, rounded] = [t.numbers(), t.settle().numbers()];
    for (let i = 0; i < exact.length; i++) lost[Math.floor((i * channels) / exact.length)]! += Math.abs(exact[i]! - rounded[i]!);
  }
  return Math.max(...lost);
}

const less = (a: Linear, b: Linear) => sum(a, scaled(b, -1));

/** The form that a funnel can have: a difference of two conditions needs a common window, and ONNX Runtime an Add. */
export function possibleForm({ conditions: [first, second] }: Funnel, form: Form, opset: number): Form {
  const differ = second !== undefined && less(first!, second) === undefined;
  return (differ || opset < 7) && (form === 'residual' || form === 'identity-conv') ? 'max' : form;
}

function conv(x: Value, map: Linear, op: Builder, biased = true): Value {
  const { weight, bias } = map;
  const { kernel_shape, dilations } = windowOf(map);
  return op.Conv(x, weight, biased ? bias : undefined, {
    dilations: [...dilations],
    group: weight.dims[0]!,
    kernel_shape,
    pads: samePads({ kernel_shape, dilations }),
    strides: kernel_shape.map(() => 1),
  });
}

/** The k×1 and 1×k arms of a cross-shaped k×k window, the bias with the first; undefined for other windows. */
function crossArms({ weight, bias, dilations }: Linear): [Linear, Linear] | undefined {
  const [channels = 0, , height, width] = weight.dims;
  if (weight.rank !== 4 || height !== width || height! < SPLIT_FROM) return undefined;
  const k = height!;
  const middle = (k - 1) / 2;
  const taps = weight.numbers();
  const column = new Float64Array(channels * k);
  const row = new Float64Array(channels * k);
  for (let i = 0; i < taps.length; i++) {
    const c = Math.floor(i / (k * k));
    const [y, x] = [Math.floor(i / k) % k, i % k];
    if (x === middle) column[c * k + y] = taps[i]!;
    else if (y === middle) row[c * k + x] = taps[i]!;
    else if (taps[i] !== 0) return undefined;
  }
  const arm = (dims: number[], values: Float64Array) => Tensor.exact(weight.dtype, [channels, 1, ...dims], values);
  return [
    { weight: arm([k, 1], column), bias, dilations: [dilations[0]!, 1] },
    { weight: arm([1, k], row), bias: Tensor.fill(weight.dtype, [channels], 0), dilations: [1, dilations[1]!] },
  ];
}

/** What a funnel is written as, told by its operators; undefined for the many other ways. */
export function formOf({ nodes, last }: Funnel): Form | undefined {
  if (last) return undefined;
  const [root] = nodes;
  const has = (name: string) => nodes.filter(n => n.op.name === name).length;
  const only = (...names: string[]) => nodes.every(n => names.includes(n.op.name));
  if (root?.op.name === 'Max') {
    if (has('Max') > 1) return undefined;
    if (only('Max', 'Conv')) return 'max';
    return only('Max', 'Conv', 'BatchNormalization') ? 'trainable' : undefined;
  }
  if (root?.op.name !== 'Add' || !only('Add', 'Relu', 'Conv')) return undefined;
  return root.inputs.some(v => v?.producer?.op.name === 'Conv' && nodes.includes(v.producer)) ? 'identity-conv' : 'residual';
}
