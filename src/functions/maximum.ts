import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { Refusal } from '../rewrite/refusal.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { affine } from './batch-norm.ts';
import { depthwise } from './depthwise.ts';
import type { Evaluation, Maximum } from './evaluate.ts';
import { distinct, type Linear, scaled, sum } from './linear.ts';
import { viewOf } from './view.ts';

type Compute = (node: Node, at: Evaluation) => Maximum | undefined;

const MASK = 'it picks by mask arithmetic, which gives NaN where a branch is infinite; write it as Max';
/** Why a maximum of quantised values stays where it is none of the forms that are known. */
export const QUANTISED = "it is quantised, and not as ONNX Runtime's static quantiser leaves a FReLU";
const ACON = 'it is ACON-FReLU, a smooth maximum: (x − T)·sigmoid(x − T) + T, not max(x, T)';

/** What operators outside of this algebra mean when they stand between x and a maximum. */
export const strangers: Readonly<Record<string, string>> = {
  InstanceNormalization: 'the condition is normalised by statistics of the image (GroupNorm or InstanceNorm), which do not fold',
  GroupNormalization: 'the condition is normalised by statistics of the image (GroupNorm), which do not fold',
  LayerNormalization: 'the condition is normalised by statistics of the image (LayerNorm), which do not fold',
  ReduceMean: 'the condition is normalised by statistics of the image (LayerNorm), which do not fold',
  Pow: 'the condition is normalised by statistics of the image (LayerNorm), which do not fold',
  Sqrt: 'the condition is normalised by statistics of the image (LayerNorm), which do not fold',
};

/** The operators that maxima of linear maps are closed under. */
export const operators: Readonly<Record<string, Compute>> = {
  Conv: depthwise,
  BatchNormalization: normalised,
  Max: (node, at) => union(node.inputs, at),
  Relu(node, at) {
    const a = at.evaluate(node.inputs[0]);
    if (!a || a.opaque !== undefined) return a;
    return { maps: distinct([...a.maps, at.tap(node.inputs[0]!, 0)]), last: a.last };
  },
  Add: (node, at) => added(node.inputs, at),
  Sum: (node, at) => added(node.inputs, at),
  Sub(node, at) {
    const [left, right] = node.inputs;
    const b = operand(right, at);
    const negative = b && multiplied(b, -1, at);
    const a = operand(left, at);
    return a && negative && plus(a, negative, at);
  },
  Mul: (node, at) => product(node, at, k => k),
  Div: (node, at) =>
    constantOf(node.inputs[1]) ? product(node, at, k => k.reciprocal()) : at.rejectStranger(node, 'a Div by a computed value takes part'),
  Where: chosen,
  ReduceMax: stacked,
  Cast(node, at) {
    const a = at.evaluate(node.inputs[0]);
    return a?.opaque === undefined ? at.reject('a Cast changes the type') : a;
  },
  DequantizeLinear(_, at) {
    at.refuse('E_QUANTISED', QUANTISED);
    return at.reject(QUANTISED);
  },
  Sigmoid: (node, at) => opaque(node, at, ACON),
  Greater: (node, at) => opaque(node, at, MASK),
  GreaterOrEqual: (node, at) => opaque(node, at, MASK),
  Less: (node, at) => opaque(node, at, MASK),
  LessOrEqual: (node, at) => opaque(node, at, MASK),
};

const opaque = (node: Node, at: Evaluation, why: string): Maximum | undefined => {
  const [first] = node.inputs.map(v => at.evaluate(v)).filter(m => m !== undefined);
  return first && { maps: [], last: first.last, opaque: first.opaque ?? why };
};

/** An operand: a maximum, or a constant that is one number or one per channel. */
function operand(value: Value | undefined, at: Evaluation): Maximum | Tensor | undefined {
  const known = constantOf(value) ?? reshapedConstant(value, at);
  return known ?? at.evaluate(value);
}

/** A constant under a shape that is computed, where the result's shape is known. */
function reshapedConstant(value: Value | undefined, at: Evaluation): Tensor | undefined {
  const node = value?.producer;
  const constant = node?.op.name === 'Reshape' && node.op.domain === '' ? constantOf(node.inputs[0]) : undefined;
  const dims = value?.shape?.flatMap(d => (typeof d === 'number' ? [d] : []));
  if (!constant || !dims || dims.length !== value?.shape?.length) return undefined;
  if (sizeOf(dims) !== constant.size) return undefined;
  at.nodes.add(node!);
  return constant.reshape(dims);
}

const isTensor = (a: Maximum | Tensor): a is Tensor => !('maps' in a);

/** A constant laid along the channels: [C], or [1]; undefined where it varies along another axis. */
function perChannel(constant: Tensor, last: boolean, at: Evaluation): Tensor | undefined {
  const axis = last ? constant.rank - 1 : constant.rank - at.rank + 1;
  const varies = constant.dims.some((d, i) => i !== axis && d !== 1);
  if (constant.rank > at.rank || varies) return at.reject('a constant varies over the image');
  return constant.reshape([constant.size]);
}

function added(inputs: readonly (Value | undefined)[], at: Evaluation): Maximum | undefined {
  // All are looked at, so that what is missing is told from what is there.
  const operands = inputs.map(v => operand(v, at));
  return operands.reduce((a, b) => (a === undefined || b === undefined ? undefined : plus(a, b, at))) as Maximum | undefined;
}

function plus(a: Maximum | Tensor, b: Maximum | Tensor, at: Evaluation): Maximum | undefined {
  if (isTensor(a)) return isTensor(b) ? at.reject('constants are added that were not folded') : plus(b, a, at);
  if (a.opaque !== undefined) return a;
  if (isTensor(b)) {
    const shift = perChannel(b, a.last, at);
    return shift && { ...a, maps: a.maps.map(map => scaled(map, 1, shift)) };
  }
  if (b.opaque !== undefined) return b;
  if (a.last !== b.last) return at.reject('channels do not lie along the same axis');
  const sums: Linear[] = [];
  for (const left of a.maps)
    for (const right of b.maps) {
      const both = sum(left, right);
      if (!both) return at.reject('the dilations of the convolutions differ');
      sums.push(both);
    }
  return { maps: distinct(sums), last: a.last };
}

/** A maximum, or a constant, times k: [C] or one number. What is the largest stays so where k is not negative. */
function multiplied<A extends Maximum | Tensor>(a: A, k: Tensor | number, at: Evaluation): Maximum | Tensor | undefined {
  if (isTensor(a)) return a.mul(k);
  if (a.opaque !== undefined) return a;
  const negative = typeof k === 'number' ? k < 0 : Array.from(k.numbers()).some(x => x < 0);
  if (negative && a.maps.length > 1) return at.reject('a maximum times a negative number is a minimum');
  return { ...a, maps: a.maps.map(map => scaled(map, k)) };
}

function product(node: Node, at: Evaluation, factor: (k: Tensor) => Tensor): Maximum | undefined {
  const [first, second] = node.inputs.map(v => operand(v, at));
  if (!first || !second) return undefined;
  const [a, k] = isTensor(first) ? [second, first] : [first, second];
  if (isTensor(a)) return at.reject('constants are multiplied that were not folded');
  if (!isTensor(k)) return { maps: [], last: a.last, opaque: a.opaque ?? k.opaque ?? 'computed values are multiplied' };
  const along = perChannel(k, a.last, at);
  return along && (multiplied(a, factor(along), at) as Maximum | undefined);
}

function normalised(node: Node, at: Evaluation): Maximum | undefined {
  const attrs = attrsOf(node, 'BatchNormalization');
  const data = at.evaluate(node.inputs[0]);
  if (!data || data.opaque !== undefined) return data;
  const [scale, bias, mean, variance] = node.inputs.slice(1).map(v => at.parameter(v));
  if (!scale || !bias || !mean || !variance) return at.reject('the parameters of the normalization are not known');
  if (data.last) return at.reject('the normalization is over another axis than the channels');
  if (attrs.spatial === 0) return at.reject('the normalization is not per channel');
  if (attrs.training_mode === 1 || attrs.is_test === 0)
    at.refuse('E_TRAINING', 'a FReLU whose normalization trains: its statistics come from the batch, so it does not fold');
  const bn = affine({ scale, bias, mean, variance, bn: { node, attrs } }, scale.size, {
    refuse: (code, detail) => new Refusal(code, detail),
  });
  if (bn instanceof Refusal) {
    at.conditions.push(bn);
    return data;
  }
  if (data.maps.length > 1) return at.reject('a maximum is normalised');
  return { ...data, maps: data.maps.map(map => scaled(map, bn.k, bn.t)) };
}

function union(inputs: readonly (Value | undefined)[], at: Evaluation): Maximum | undefined {
  const operands = inputs.map(v => at.evaluate(v));
  const known = operands.filter(m => m !== undefined);
  if (known.length < operands.length)
    return known.length > 0 && at.convolutions > 0
      ? at.reject('it compares a convolution with another value than it convolves')
      : undefined;
  const [first] = known;
  const stranger = known.find(m => m.opaque !== undefined);
  if (stranger || !first) return stranger;
  if (known.some(m => m.last !== first.last)) return at.reject('channels do not lie along the same axis');
  return { maps: distinct(known.flatMap(m => m.maps)), last: first.last };
}

/** Where(a > b, a, b) is the larger of the two. */
function chosen(node: Node, at: Evaluation): Maximum | undefined {
  const [condition, yes, no] = node.inputs;
  const compare = condition?.producer;
  const greater = compare?.op.name.startsWith('Greater');
  if (compare?.op.domain !== '' || !(greater || compare.op.name.startsWith('Less')))
    return union([yes, no], at) && at.reject('a Where that does not compare takes part');
  at.nodes.add(compare);
  // What does nothing in front of the comparison belongs to it.
  for (const compared of compare.inputs) at.evaluate(compared);
  const [larger, smaller] = greater ? compare.inputs : [...compare.inputs].reverse();
  const is = (a: Value | undefined, b: Value | undefined) => {
    const [seen, other] = [a && viewOf(a), b && viewOf(b)];
    return seen !== undefined && seen.value === other?.value && seen.moved === other.moved;
  };
  if (is(larger, yes) && is(smaller, no)) return union([yes, no], at);
  const both = union([yes, no], at);
  return both && at.reject(is(larger, no) && is(smaller, yes) ? 'it is a minimum' : 'it compares other values than it picks');
}

/** The maximum over an axis that values were stacked along: Unsqueeze, Concat, ReduceMax. */
function stacked(node: Node, at: Evaluation): Maximum | undefined {
  const { axes, keepdims } = attrsOf(node, 'ReduceMax');
  const concat = node.inputs[0]?.producer;
  const values = concat?.op.name === 'Concat' && concat.op.domain === '' ? concat.inputs : [];
  const parts = values.map(v => v?.producer).filter(n => n?.op.name === 'Unsqueeze' && n.op.domain === '');
  if (parts.length === 0 || parts.length !== values.length) return at.reject('a ReduceMax takes part');
  // The stack has one axis more than the image.
  const axis = (a: number | bigint | undefined) => (a === undefined ? undefined : (Number(a) + at.rank + 1) % (at.rank + 1));
  const only = (list: ArrayLike<number> | undefined) => (list?.length === 1 ? axis(list[0]) : undefined);
  const over = only(node.inputs[1] ? constantOf(node.inputs[1])?.numbers() : axes);
  const along = [
    axis(attrsOf(concat!, 'Concat').axis),
    ...parts.map(n => only(n!.inputs[1] ? constantOf(n!.inputs[1])?.numbers() : attrsOf(n!, 'Unsqueeze').axes)),
  ];
  if (over === undefined || keepdims !== 0 || along.some(a => a !== over)) return at.reject('a ReduceMax over another axis takes part');
  for (const n of [concat!, ...parts]) at.nodes.add(n!);
  return union(
    parts.map(n => n!.inputs[0]),
    at,
  );
}
