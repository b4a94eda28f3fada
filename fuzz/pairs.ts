import { sizeOf } from '../src/tensor/broadcast.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { type Block, batchNorm, conv, pool } from './layers.ts';
import { cast, concat, flatten, reshape, slice, squeeze, transpose, unsqueeze } from './views.ts';
import { literal } from './weights.ts';
import { type Made, real } from './writer.ts';

/** The same kind of view twice or three times. */
export const again: Block = (writer, x) => {
  const { dice } = writer;
  const kind = dice.pick<readonly Block[]>([
    [slice],
    [slice],
    [concat],
    [transpose],
    [cast],
    [reshape, flatten],
    [unsqueeze, squeeze],
    [unsqueeze, reshape],
  ]);
  let result: Made | undefined;
  for (let left = dice.int(2, 3); left > 0; left--) {
    const made = dice.pick(kind)(writer, result ?? x);
    if (!made) continue;
    // What concatenates may take the parts before it.
    if (result && dice.chance(0.3)) writer.pool.push(result);
    result = made;
  }
  return result;
};

/** Relu, Clip, Max and Min one after another. */
export const bounds: Block = (writer, x) => {
  const { dice, world } = writer;
  const { opset, dtype } = world;
  const number = (n: number) => literal(writer, Tensor.of(dtype, dice.chance(0.7) ? [] : [1], [n]));
  const scalar = (n: number) => literal(writer, Tensor.of(dtype, [], [n]));
  let result = x;
  for (let left = dice.int(2, 4); left > 0; left--) {
    const op = dice.pick(['Relu', 'Clip', ...(opset >= 8 && x.dims.length > 0 ? ['Max', 'Min'] : [])]);
    const [low, high] = [dice.pick([undefined, 0, -0.5, 0.2, 2]), dice.pick([undefined, 1, 6, 0.3, 0])];
    if (op === 'Relu') result = writer.node(op, [result], x.dims);
    else if (op !== 'Clip') result = writer.node(op, dice.shuffled([result, number(dice.pick([0, 0.4, -0.3, 6]))]), x.dims);
    else if (opset < 11)
      result = writer.node(op, [result], x.dims, { min: low === undefined ? low : real(low), max: high === undefined ? high : real(high) });
    else if (opset >= 12 || dtype === 'float')
      result = writer.node(op, [result, low === undefined ? low : scalar(low), ...(high === undefined ? [] : [scalar(high)])], x.dims);
  }
  return result === x ? undefined : result;
};

/** x·σ(αx), and what looks like it. */
export const swish: Block = (writer, x) => {
  const { dice, world } = writer;
  const alpha = literal(writer, Tensor.of(world.dtype, [], [dice.pick([1.5, 1.702, 1])]));
  const inner = dice.chance(0.5) ? x : writer.node('Mul', dice.shuffled([x, alpha]), x.dims);
  return writer.node(dice.chance(0.9) ? 'Mul' : 'Add', dice.shuffled([x, writer.node('Sigmoid', [inner], x.dims)]), x.dims);
};

export const sum: Block = (writer, x) => {
  if (writer.world.opset < 8) return undefined;
  const others = writer.pool.filter(({ dims }) => dims.join() === x.dims.join());
  const { dice } = writer;
  return writer.node('Sum', [x, ...dice.some(others.slice(-2), 0.6)], x.dims);
};

/** Padding of the image alone, and a window over it. */
export const padded: Block = (writer, x) => {
  const { dice, world } = writer;
  const { opset, dtype } = world;
  const rank = x.dims.length;
  if (rank < 3 || rank > 5) return undefined;
  const pads = [...x.dims, ...x.dims].map((_, i) => (i % rank < 2 ? 0 : dice.int(0, 2)));
  const dims = x.dims.map((d, i) => d + pads[i]! + pads[i + rank]!);
  // The lowest number is what MaxPool pads with.
  const value = dice.pick([0, 0, 0, Number.NEGATIVE_INFINITY, dtype === 'float16' ? -65504 : -3.4028234663852886e38, 1]);
  const isLow = value < -1;
  const given = value !== 0 || dice.chance(0.3);
  let made: Made;
  if (opset < 11) made = writer.node('Pad', [x], dims, { pads, value: given ? real(value) : undefined });
  else made = writer.node('Pad', [x, writer.integers(pads), ...(given ? [literal(writer, Tensor.of(dtype, [], [value]))] : [])], dims);
  if (!isLow) return (dice.chance(0.6) ? conv : pool)(writer, made) ?? made;
  // A window that sees padding alone would give infinities.
  const kernel = x.dims.slice(2).map(() => 3);
  const size = dims.slice(2).map(d => d - 2);
  return size.some(d => d < 1) ? undefined : writer.node('MaxPool', [made], [...dims.slice(0, 2), ...size], { kernel_shape: kernel });
};

/** A convolution whose weights are quantised, and a BatchNormalization. */
export const quantised: Block = (writer, x) => {
  const { dice, world } = writer;
  const [batch = 1, channels = 0, ...spatial] = x.dims;
  if (world.opset < 10 || world.dtype !== 'float' || spatial.length !== 2 || writer.kind === 'function') return undefined;
  const out = dice.int(1, 6);
  const perChannel = world.opset >= 13 && dice.chance(0.6);
  const integers = Tensor.of('int8', [out, channels, 1, 1], dice.spread(out * channels, -127, 127).map(Math.round));
  const scale = Tensor.of('float', perChannel ? [out] : [], dice.spread(perChannel ? out : 1, 0.004, 0.012));
  const zero = dice.chance(0.3)
    ? [writer.store(Tensor.of('int8', scale.dims, new Float64Array(sizeOf(scale.dims)).fill(perChannel ? 0 : dice.int(0, 3))))]
    : [];
  const inputs = [writer.store(integers), literal(writer, scale), ...zero];
  const weight = writer.node('DequantizeLinear', inputs, integers.dims, perChannel ? { axis: 0 } : {}, 'float');
  const bias = dice.chance(0.5) ? [literal(writer, Tensor.of('float', [out], dice.normal(out)))] : [];
  const result = writer.node('Conv', [x, weight, ...bias], [batch, out, ...spatial]);
  return batchNorm(writer, result) ?? result;
};
