import { sizeOf } from '../src/tensor/broadcast.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import type { Block } from './layers.ts';
import { literal } from './weights.ts';
import { type Made, randomTensor, real, type Writer } from './writer.ts';

/** A scalar of the network's type. */
const scalar = (writer: Writer, x: number): Made => literal(writer, Tensor.of(writer.world.dtype, [], [x]));

/** The shapes of a constant that leave x's alone. */
function broadcasts(writer: Writer, dims: readonly number[]): number[][] {
  const ones = dims.map(() => 1);
  const only = (axis: number) => dims.map((d, i) => (i === axis ? d : 1));
  const tail = (shape: readonly number[]) => shape.slice(writer.dice.int(0, shape.length - 1));
  const shapes = [
    [],
    [1],
    ones,
    only(1),
    only(1).slice(1),
    only(dims.length - 1),
    [dims.at(-1)!],
    tail(dims.slice(1)),
    [1, ...dims.slice(1)],
  ];
  if (dims.length > 2) shapes.push(only(2), tail(only(2)));
  if (!writer.world.symbolic) shapes.push([...dims], only(0));
  return shapes.filter(shape => shape.length < 2 || shape.length <= dims.length);
}

/** Shapes that make the result larger, or of a higher rank. */
function stretching(writer: Writer, dims: readonly number[]): number[][] {
  const shapes = dims.length < 5 ? [[1, ...dims.map(() => 1)]] : [];
  if (dims[0] === 1 && !writer.world.symbolic) shapes.push([2, ...dims.slice(1).map((d, i) => (i === 0 ? d : 1))]);
  if (dims.at(-1) === 1 && dims.length > 1) shapes.push([dims[1]!]);
  return shapes;
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const at = (dims: readonly number[], i: number) => dims[i - (rank - dims.length)] ?? 1;
  return Array.from({ length: rank }, (_, i) => (at(a, i) === 1 ? at(b, i) : at(a, i)));
}

/** Numbers away from zero, or numbers that do nothing. */
function operand(writer: Writer, op: string, dims: readonly number[]): Tensor {
  const { dice, world } = writer;
  const neutral = op === 'Mul' || op === 'Div' ? 1 : 0;
  const hostile = world.hostile && dice.chance(0.3);
  const sign = () => (dice.chance(0.3) ? -1 : 1);
  const value = dice.chance(0.15)
    ? () => neutral
    : () => sign() * (hostile ? dice.pick([0, 1e-8, 1e6, 3e4]) : dice.chance(0.1) ? 0.5 : dice.real(0.5, 1.6));
  return Tensor.of(world.dtype, dims, Array.from({ length: sizeOf(dims) }, value));
}

const constantOperand =
  (stretch: boolean): Block =>
  (writer, x) => {
    const { dice } = writer;
    if (x.dims.length < 1 || (x.dims.length < 2 && stretch)) return undefined;
    const shapes = stretch ? stretching(writer, x.dims) : x.dims.length < 2 ? [[], [1]] : broadcasts(writer, x.dims);
    if (shapes.length === 0) return undefined;
    const op = dice.pick(['Mul', 'Add', 'Sub', 'Div']);
    const c = literal(writer, operand(writer, op, dice.pick(shapes)));
    const first = op !== 'Div' && dice.chance(0.4);
    return writer.node(op, first ? [c, x] : [x, c], broadcast(x.dims, c.dims));
  };

export const withConstant: Block = constantOperand(false);
export const stretched: Block = constantOperand(true);

/** Two or three in a row. */
export const chain: Block = (writer, x) => {
  let result = x;
  for (let left = writer.dice.int(2, 3); left > 0; left--) result = withConstant(writer, result) ?? result;
  return result;
};

/** An operand with itself, or with another value of its shape. */
export const withOther: Block = (writer, x) => {
  const { dice } = writer;
  const fits = (other: Made) => other.dims.join() === x.dims.join() || broadcast(x.dims, other.dims).join() === x.dims.join();
  const others = writer.pool.filter(fits);
  const other = dice.chance(0.3) || others.length === 0 ? x : dice.pick(others);
  const op = dice.pick(['Add', 'Add', 'Add', 'Sub', 'Mul', ...(writer.world.opset >= 8 ? ['Max', 'Min'] : [])]);
  return writer.node(op, dice.shuffled([x, other]), x.dims);
};

/** Activations, in the form of the operator set. */
export const activation: Block = (writer, x) => {
  const { dice, world } = writer;
  const { opset, dtype } = world;
  const op = dice.pick([
    'Relu',
    'Relu',
    'Relu',
    'LeakyRelu',
    'Clip',
    'Clip',
    'HardSigmoid',
    'Sigmoid',
    'Tanh',
    'PRelu',
    'Max',
    'Min',
    'Abs',
    'Neg',
  ]);
  const alike = (inputs: readonly (Made | undefined)[] = [x], attributes = {}) => writer.node(op, inputs, x.dims, attributes);
  switch (op) {
    case 'LeakyRelu':
      return alike([x], dice.chance(0.5) ? { alpha: real(dice.pick([0.1, 0.3])) } : {});
    case 'HardSigmoid':
      return alike([x], dice.chance(0.5) ? { alpha: real(1 / 6), beta: real(0.5) } : {});
    case 'PRelu': {
      const [, channels = 1, ...rest] = x.dims;
      if (opset < 9 && x.dims.length < 3) return undefined;
      return alike([x, literal(writer, randomTensor(writer, dice.pick([[1], [channels, ...rest.map(() => 1)]]), 0.3))]);
    }
    case 'Max':
    case 'Min':
      return opset >= 8 ? alike(dice.shuffled([x, scalar(writer, dice.pick([0, 0.3, -0.5]))])) : undefined;
    case 'Clip': {
      const [low, high] = dice.pick([
        [0, 6],
        [0, undefined],
        [undefined, 1],
        [-0.5, 0.7],
        [0, 1],
      ]);
      if (opset < 11)
        return alike([x], { min: low === undefined ? undefined : real(low), max: high === undefined ? undefined : real(high) });
      if (opset < 12 && dtype !== 'float') return undefined;
      return alike([x, low === undefined ? undefined : scalar(writer, low), ...(high === undefined ? [] : [scalar(writer, high)])]);
    }
    default:
      return alike();
  }
};

/** Activations one after another. */
export const activations: Block = (writer, x) => {
  let result = x;
  for (let left = writer.dice.int(2, 3); left > 0; left--) result = activation(writer, result) ?? result;
  return result;
};

/** Activations that older operator sets have no operator for, spelled out. */
export const spelled: Block = (writer, x) => {
  const { dice, world } = writer;
  const at = (op: string, ...inputs: readonly Made[]) => writer.node(op, inputs, x.dims);
  const number = (n: number) => scalar(writer, n);
  if (world.opset >= 9 && dice.chance(0.4)) {
    // Gelu.
    const erf = dice.chance(0.5) ? at('Erf', at('Div', x, number(Math.SQRT2))) : at('Erf', at('Mul', x, number(Math.SQRT1_2)));
    const one = at('Add', ...dice.shuffled([erf, number(1)]));
    return dice.chance(0.5) ? at('Mul', at('Mul', x, number(0.5)), one) : at('Mul', at('Mul', x, one), number(0.5));
  }
  if (dice.chance(0.4)) {
    const gate = writer.node('HardSigmoid', [x], x.dims, dice.chance(0.8) ? { alpha: real(1 / 6), beta: real(0.5) } : {});
    return at('Mul', ...dice.shuffled([x, gate]));
  }
  const shifted = at('Add', ...dice.shuffled([x, number(3)]));
  const bounded =
    world.opset < 11 ? writer.node('Clip', [shifted], x.dims, { min: real(0), max: real(6) }) : at('Clip', shifted, number(0), number(6));
  if (world.dtype !== 'float' && world.opset < 12) return undefined;
  return dice.chance(0.5) ? at('Mul', x, at('Div', bounded, number(6))) : at('Div', at('Mul', x, bounded), number(6));
};
