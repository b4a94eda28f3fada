import { sizeOf } from '../src/tensor/broadcast.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { literal, uniformVector } from './weights.ts';
import { isNarrow } from './world.ts';
import { type Attributes, type Made, randomTensor, real, spreadTensor, type Writer } from './writer.ts';

/** Writes some operators on `x`; undefined where they can't take it. */
export type Block = (writer: Writer, x: Made) => Made | undefined;

const divisors = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1).filter(d => n % d === 0);

/** Something given only now and then, as exporters leave defaults out. */
const maybe = <T>(writer: Writer, value: T): T | undefined => (writer.dice.chance(0.7) ? value : undefined);

/** A bias, an absent one, or one that is left out. */
function bias(writer: Writer, size: number): (Made | undefined)[] {
  const { dice } = writer;
  if (dice.chance(0.35)) return dice.chance(0.15) ? [undefined] : [];
  return [
    dice.chance(0.15)
      ? uniformVector(writer, size, 0, literal(writer, randomTensor(writer, [1])))
      : literal(writer, randomTensor(writer, [size], 0.5)),
  ];
}

export const conv: Block = (writer, x) => {
  const { dice } = writer;
  const [, channels = 0, ...spatial] = x.dims;
  if (spatial.length < 1 || spatial.length > 3) return undefined;
  const group = dice.chance(0.6) ? 1 : dice.pick(divisors(channels));
  const out = group * dice.int(1, Math.max(1, Math.floor(8 / group)));
  const kernel = spatial.map(() => dice.pick([1, 1, 2, 3, 3]));
  const auto = dice.chance(0.25) ? dice.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET']) : undefined;
  const same = auto?.startsWith('SAME') ?? false;
  const strides = spatial.map(() => dice.pick([1, 1, 2]));
  const dilations = spatial.map(() => (same ? 1 : dice.pick([1, 1, 1, 2])));
  const free = auto === undefined || auto === 'NOTSET';
  const pads = [...spatial, ...spatial].map(() => (free && dice.chance(0.5) ? dice.int(0, 2) : 0));
  const n = spatial.length;
  const size = spatial.map((s, i) => {
    if (same) return Math.ceil(s / strides[i]!);
    return Math.floor((s + pads[i]! + pads[i + n]! - (kernel[i]! - 1) * dilations[i]! - 1) / strides[i]!) + 1;
  });
  if (size.some(s => s < 1)) return undefined;
  const fan = (channels / group) * sizeOf(kernel);
  const weight = literal(writer, randomTensor(writer, [out, channels / group, ...kernel], strength(writer, fan)));
  const attributes: Attributes = {
    auto_pad: auto,
    kernel_shape: maybe(writer, kernel),
    group: group === 1 ? maybe(writer, 1) : group,
    strides: strides.every(s => s === 1) ? maybe(writer, strides) : strides,
    dilations: dilations.every(d => d === 1) ? maybe(writer, dilations) : dilations,
    pads: free && (pads.some(p => p > 0) || dice.chance(0.5)) ? pads : undefined,
  };
  return writer.node('Conv', [x, weight, ...bias(writer, out)], [x.dims[0]!, out, ...size], attributes);
};

/** Weights that keep a signal of the order of 1, or hostile ones. */
const strength = (writer: Writer, fan: number): number => (writer.world.hostile ? writer.dice.pick([1, 1e3, 1e-4]) : 1) / Math.sqrt(fan);

/** A convolution that leaves the shape alone. */
export const steadyConv: Block = (writer, x) => {
  const { dice } = writer;
  const [, channels = 0, ...spatial] = x.dims;
  if (spatial.length < 1 || spatial.length > 3) return undefined;
  const group = dice.pick([1, channels]);
  const kernel = spatial.map(() => dice.pick([1, 3]));
  const pads = kernel.map(k => (k - 1) / 2);
  const fan = (channels / group) * sizeOf(kernel);
  const weight = literal(writer, randomTensor(writer, [channels, channels / group, ...kernel], 1 / Math.sqrt(fan)));
  return writer.node('Conv', [x, weight, ...bias(writer, channels)], x.dims, { group, pads: [...pads, ...pads] });
};

export const convTranspose: Block = (writer, x) => {
  const { dice } = writer;
  const [, channels = 0, ...spatial] = x.dims;
  if (spatial.length < 1 || spatial.length > 2 || sizeOf(spatial) > 100) return undefined;
  const group = dice.chance(0.5) ? 1 : dice.pick(divisors(channels));
  const each = dice.int(1, Math.max(1, Math.floor(8 / group)));
  const kernel = spatial.map(() => dice.int(1, 3));
  const strides = spatial.map(() => dice.int(1, 2));
  const pads = [...spatial, ...spatial].map(() => (dice.chance(0.3) ? 1 : 0));
  const n = spatial.length;
  const extra = strides.map(s => (s > 1 && dice.chance(0.4) ? 1 : 0));
  const size = spatial.map((s, i) => strides[i]! * (s - 1) + extra[i]! + kernel[i]! - pads[i]! - pads[i + n]!);
  if (size.some(s => s < 1)) return undefined;
  const weight = literal(writer, randomTensor(writer, [channels, each, ...kernel], 1 / Math.sqrt((channels / group) * sizeOf(kernel))));
  return writer.node('ConvTranspose', [x, weight, ...bias(writer, each * group)], [x.dims[0]!, each * group, ...size], {
    kernel_shape: maybe(writer, kernel),
    group: group === 1 ? maybe(writer, 1) : group,
    strides,
    pads: pads.some(p => p > 0) ? pads : undefined,
    output_padding: extra.some(e => e > 0) ? extra : undefined,
  });
};

export const gemm: Block = (writer, x) => {
  const { dice, world } = writer;
  if (x.dims.length !== 2) return undefined;
  const [rows, columns] = x.dims as [number, number];
  const transA = !world.symbolic && dice.chance(0.25) ? 1 : 0;
  const [m, k] = transA ? [columns, rows] : [rows, columns];
  const n = dice.int(1, 8);
  const transB = dice.int(0, 1);
  const b = literal(writer, randomTensor(writer, transB ? [n, k] : [k, n], strength(writer, k)));
  const shapes = world.symbolic ? [[], [1], [n], [1, n], [1, 1]] : [[], [1], [n], [1, n], [m, 1], [m, n], [1, 1]];
  const c = world.opset < 11 || dice.chance(0.7) ? [literal(writer, randomTensor(writer, dice.pick(shapes)))] : [];
  return writer.node('Gemm', [x, b, ...c], [m, n], {
    transA: transA || maybe(writer, 0),
    transB: transB || maybe(writer, 0),
    alpha: dice.chance(0.4) ? real(dice.pick([0.5, 2, -1, 1])) : undefined,
    beta: dice.chance(0.4) ? real(dice.pick([0.5, 2, -1, 1, 0])) : undefined,
  });
};

export const matMul: Block = (writer, x) => {
  const { dice, world } = writer;
  const { dims } = x;
  if (dims.length < 2 || (world.opset < 9 && dims.length > 4)) return undefined;
  const k = dims.at(-1)!;
  const n = dice.int(1, 8);
  const left = dims.length === 2 && !world.symbolic && dice.chance(0.15);
  if (left) {
    const w = literal(writer, randomTensor(writer, [n, dims[0]!], 1 / Math.sqrt(dims[0]!)));
    return writer.node('MatMul', [w, x], [n, k]);
  }
  const stacked = dims.length === 3 && !world.symbolic && dice.chance(0.2) ? [dims[0]!] : [];
  const w = literal(writer, randomTensor(writer, [...stacked, k, n], strength(writer, k)));
  const product = writer.node('MatMul', [x, w], [...dims.slice(0, -1), n]);
  if (dice.chance(0.5)) return product;
  const operands = [product, literal(writer, randomTensor(writer, dice.pick([[n], [n], [1, n], [1], []])))];
  return writer.node('Add', dice.shuffled(operands), product.dims);
};

/** BatchNormalization, of whatever has channels. */
export const batchNorm: Block = (writer, x) => {
  const { dice, world } = writer;
  const { opset, hostile, dtype } = world;
  const [, channels = 0] = x.dims;
  if (x.dims.length < 2 || x.dims.length > 5 || (x.dims.length === 2 && opset < 9)) return undefined;
  const stats = opset >= 15 && isNarrow(dtype) && dice.chance(0.3) ? 'float' : dtype;
  const parameter = (low: number, high: number, type = dtype) => literal(writer, spreadTensor(writer, [channels], low, high).as(type));
  const scale = dice.chance(0.15) ? uniformVector(writer, channels, 1, x) : parameter(hostile ? -30 : -1.3, hostile ? 30 : 1.3);
  const offset = dice.chance(0.15) ? uniformVector(writer, channels, 0, x) : parameter(-0.5, 0.5);
  const mean = parameter(-0.5, 0.5, stats);
  const variance = hostile && dice.chance(0.5) ? literal(writer, tiny(writer, channels).as(stats)) : parameter(0.5, 1.5, stats);
  return writer.node('BatchNormalization', [x, scale, offset, mean, variance], x.dims, {
    epsilon: dice.chance(0.6) ? real(dice.pick([1e-5, 1e-3, 0.1])) : undefined,
    momentum: maybe(writer, real(0.9)),
    training_mode: opset >= 14 ? maybe(writer, 0) : undefined,
    spatial: opset < 9 ? maybe(writer, 1) : undefined,
  });
};

const tiny = (writer: Writer, channels: number): Tensor =>
  Tensor.of(
    writer.world.dtype,
    [channels],
    Array.from({ length: channels }, () => writer.dice.pick([0, 1e-12, 1, 100])),
  );

export const pool: Block = (writer, x) => {
  const { dice, world } = writer;
  const [, , ...spatial] = x.dims;
  if (spatial.length < 1 || spatial.length > 3) return undefined;
  if (dice.chance(0.15)) return writer.node('GlobalAveragePool', [x], [...x.dims.slice(0, 2), ...spatial.map(() => 1)]);
  const op = dice.pick(['MaxPool', 'AveragePool']);
  const kernel = spatial.map(() => dice.int(1, 3));
  const strides = spatial.map(() => dice.int(1, 2));
  const pads = [...kernel, ...kernel].map(k => (dice.chance(0.3) ? dice.int(0, k - 1) : 0));
  const ceil = world.opset >= 10 && dice.chance(0.3) ? 1 : 0;
  const n = spatial.length;
  const size = spatial.map((s, i) => {
    const room = (s + pads[i]! + pads[i + n]! - kernel[i]!) / strides[i]!;
    const windows = (ceil ? Math.ceil(room) : Math.floor(room)) + 1;
    // A window begins within the image.
    return ceil && (windows - 1) * strides[i]! >= s + pads[i]! ? windows - 1 : windows;
  });
  if (size.some(s => s < 1)) return undefined;
  return writer.node(op, [x], [...x.dims.slice(0, 2), ...size], {
    kernel_shape: kernel,
    strides: maybe(writer, 0) === 0 || strides.some(s => s > 1) ? strides : undefined,
    pads: pads.some(p => p > 0) ? pads : undefined,
    ceil_mode: ceil || undefined,
    count_include_pad: op === 'AveragePool' && dice.chance(0.5) ? 1 : undefined,
  });
};

/** Padding, and now and then what takes it in. */
export const pad: Block = (writer, x) => {
  const { dice, world } = writer;
  const { opset, dtype, symbolic } = world;
  const rank = x.dims.length;
  if (rank < 2 || rank > 5) return undefined;
  const mode = dice.pick(['constant', 'constant', 'constant', 'constant', 'reflect', 'edge']);
  const images = rank > 2 && dice.chance(0.8);
  const axes = x.dims.map((_, i) => i).filter(i => (images ? i >= 2 : !(symbolic && i === 0)) && (mode === 'constant' || i >= rank - 2));
  if (axes.length === 0) return undefined;
  const amount = (size: number) =>
    dice.pick(size > 3 && mode === 'constant' ? [0, 1, 1, 2, -1] : size > 1 ? [0, 1, 1] : mode === 'reflect' ? [0] : [0, 1]);
  const begins = axes.map(a => amount(x.dims[a]!));
  const ends = axes.map(a => amount(x.dims[a]!));
  const dims = x.dims.map((d, i) => (axes.includes(i) ? d + begins[axes.indexOf(i)]! + ends[axes.indexOf(i)]! : d));
  const spread = (of: readonly number[]) => x.dims.map((_, i) => (axes.includes(i) ? of[axes.indexOf(i)]! : 0));
  const value = mode === 'constant' && dice.chance(0.3) ? dice.pick([1, -0.5]) : 0;
  const given = mode === 'constant' && dice.chance(0.3) ? undefined : mode;
  if (opset < 11)
    return writer.node('Pad', [x], dims, {
      mode: given,
      pads: [...spread(begins), ...spread(ends)],
      value: value ? real(value) : undefined,
    });
  const fill = value || dice.chance(0.2) ? literal(writer, Tensor.of(dtype, [], [value])) : undefined;
  if (opset >= 18 && dice.chance(0.4)) {
    const order = dice.shuffled(axes.map((_, i) => i));
    const pads = writer.integers([...order.map(i => begins[i]!), ...order.map(i => ends[i]!)]);
    const named = writer.integers(order.map(i => (dice.chance(0.3) ? axes[i]! - rank : axes[i]!)));
    return writer.node('Pad', [x, pads, fill, named], dims, { mode: given });
  }
  return writer.node('Pad', [x, writer.integers([...spread(begins), ...spread(ends)]), ...(fill ? [fill] : [])], dims, { mode: given });
};
