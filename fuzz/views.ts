import { sizeOf } from '../src/tensor/broadcast.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import type { Block } from './layers.ts';
import { literal } from './weights.ts';
import { type Made, randomTensor, real, typeCode, type Writer } from './writer.ts';

/** What stays in one piece when the batch is a symbol: its own axis comes first and is never merged. */
const tailOf = (dims: readonly number[]) => dims.slice(1);

export const identity: Block = (writer, x) => writer.node('Identity', [x], x.dims);

export const dropout: Block = (writer, x) => {
  const { dice, world } = writer;
  const ratio = dice.chance(0.5);
  if (world.opset < 12) return writer.node('Dropout', [x], x.dims, ratio ? { ratio: real(0.3) } : {});
  const rate = literal(writer, Tensor.of(world.dtype === 'bfloat16' ? 'float' : world.dtype, [], [0.3]));
  return writer.node('Dropout', ratio ? [x, rate] : [x], x.dims);
};

export const cast: Block = (writer, x) => {
  const { dice } = writer;
  const types = (['float', 'double'] as const).filter(t => x.dtype === 'float' || t === 'float');
  const between = dice.pick([x.dtype, ...types]);
  const there = writer.node('Cast', [x], x.dims, { to: typeCode(between) }, between);
  return between === x.dtype ? there : writer.node('Cast', [there], x.dims, { to: typeCode(x.dtype) }, x.dtype);
};

export const flatten: Block = (writer, x) => {
  const { dice, world } = writer;
  const rank = x.dims.length;
  if (rank < 2) return undefined;
  const axis = world.symbolic ? 1 : dice.pick([1, 1, 1, 0, 2, rank]);
  if (axis > rank) return undefined;
  return writer.node(
    'Flatten',
    [x],
    [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))],
    axis === 1 && dice.chance(0.5) ? {} : { axis },
  );
};

export const reshape: Block = (writer, x) => {
  const { dice, world } = writer;
  const [batch = 1, ...rest] = x.dims;
  const size = sizeOf(rest);
  if (x.dims.length < 2 || size === 0) return undefined;
  const factor = dice.pick([1, 2, 3, rest[0]!].filter(f => size % f === 0));
  const shapes: number[][] = [
    [size],
    [factor, size / factor],
    [...rest],
    [...rest, 1],
    [rest[0]!, size / rest[0]!],
    [rest[0]!, 1, size / rest[0]!],
  ];
  const tail = dice.pick(shapes);
  const dims = [batch, ...tail];
  const spelled: number[] = [world.symbolic || dice.chance(0.5) ? 0 : batch, ...tail];
  // One size may be left to find out, others copied.
  if (dice.chance(0.4)) spelled[dice.int(spelled[0] === 0 ? 1 : 0, dims.length - 1)] = -1;
  for (let i = 1; i < spelled.length; i++) if (spelled[i] === x.dims[i] && dice.chance(0.3)) spelled[i] = 0;
  return writer.node('Reshape', [x, writer.integers(spelled)], dims);
};

/** Shape → Gather → Concat → Reshape, as exporters write `x.view(x.size(0), -1)`. */
export const shapeChain: Block = (writer, x) => {
  const { dice } = writer;
  const [, ...rest] = x.dims;
  if (x.dims.length < 2) return undefined;
  const shape = writer.node('Shape', [x], [x.dims.length], {}, 'int64');
  const entry = (axis: number): Made => {
    const picked = writer.node('Gather', [shape, writer.integers([axis], [])], [], { axis: 0 }, 'int64');
    return writer.world.opset < 13
      ? writer.node('Unsqueeze', [picked], [1], { axes: [0] }, 'int64')
      : writer.node('Unsqueeze', [picked, writer.integers([0])], [1], {}, 'int64');
  };
  const keep = dice.chance(0.5);
  const parts = [entry(0), keep ? entry(1) : writer.integers([rest[0]!]), writer.integers([-1])];
  const dims = [x.dims[0]!, rest[0]!, sizeOf(rest.slice(1))];
  if (sizeOf(rest) === 0) return undefined;
  return writer.node('Reshape', [x, writer.node('Concat', parts, [3], { axis: 0 }, 'int64')], dims);
};

export const transpose: Block = (writer, x) => {
  const { dice, world } = writer;
  const axes = x.dims.map((_, i) => i);
  const perm = world.symbolic || dice.chance(0.5) ? [0, ...dice.shuffled(axes.slice(1))] : dice.shuffled(axes);
  if (perm.length < 2 || perm.length !== axes.length) return undefined;
  const dims = perm.map(p => x.dims[p]!);
  const reversed = perm.every((p, i) => p === axes.length - 1 - i);
  return writer.node('Transpose', [x], dims, reversed && dice.chance(0.5) ? {} : { perm });
};

/** There, something in the middle, and back. */
export const channelsLast: Block = (writer, x) => {
  const { dice } = writer;
  const rank = x.dims.length;
  if (rank < 3 || rank > 5) return undefined;
  const there = [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
  const back = there.map((_, i) => there.indexOf(i));
  const last = writer.node(
    'Transpose',
    [x],
    there.map(p => x.dims[p]!),
    { perm: there },
  );
  const [, channels = 1] = x.dims;
  const c = literal(writer, randomTensor(writer, dice.pick([[channels], [1], [1, channels]])));
  const middle = dice.chance(0.4) ? last : writer.node(dice.pick(['Add', 'Mul', 'Sub']), [last, c], last.dims);
  return writer.node('Transpose', [dice.chance(0.3) ? writer.node('Relu', [middle], last.dims) : middle], x.dims, { perm: back });
};

function alongAxes(writer: Writer, op: 'Squeeze' | 'Unsqueeze', x: Made, axes: readonly number[], dims: readonly number[]): Made {
  if (writer.world.opset < 13) return writer.node(op, [x], dims, { axes });
  return writer.node(op, [x, writer.integers(axes)], dims);
}

export const squeeze: Block = (writer, x) => {
  const { dice, world } = writer;
  const ones = x.dims.map((_, i) => i).filter(i => x.dims[i] === 1 && !(world.symbolic && i === 0));
  const axes = dice.some(ones, 0.7);
  if (axes.length === 0 || x.dims.length - axes.length < 1) return undefined;
  const negative = world.opset >= 11 && dice.chance(0.3);
  const dims = x.dims.filter((_, i) => !axes.includes(i));
  return alongAxes(writer, 'Squeeze', x, negative ? axes.map(a => a - x.dims.length) : axes, dims);
};

export const unsqueeze: Block = (writer, x) => {
  const { dice, world } = writer;
  if (x.dims.length > 4) return undefined;
  const axis = dice.int(world.symbolic ? 1 : 0, x.dims.length);
  const dims = [...x.dims.slice(0, axis), 1, ...x.dims.slice(axis)];
  return alongAxes(writer, 'Unsqueeze', x, [world.opset >= 11 && dice.chance(0.3) ? axis - dims.length : axis], dims);
};

export const slice: Block = (writer, x) => {
  const { dice, world } = writer;
  const axis = dice.int(1, Math.max(1, x.dims.length - 1));
  const size = x.dims[axis];
  if (size === undefined || size < 1) return undefined;
  const whole = dice.chance(0.25);
  const start = whole ? 0 : dice.int(0, size - 1);
  const end = whole ? dice.pick([size, 1000, 2 ** 31 - 1]) : dice.int(start + 1, size);
  const step = world.opset >= 10 && !whole && dice.chance(0.3) ? 2 : 1;
  const dims = x.dims.map((d, i) => (i === axis ? Math.ceil((Math.min(end, size) - start) / step) : d));
  const from = start > 0 && dice.chance(0.3) ? start - size : start;
  if (world.opset < 10) return writer.node('Slice', [x], dims, { starts: [from], ends: [end], axes: [axis] });
  const inputs = [writer.integers([from]), writer.integers([end]), writer.integers([axis])];
  return writer.node('Slice', [x, ...inputs, ...(step > 1 || dice.chance(0.3) ? [writer.integers([step])] : [])], dims);
};

export const concat: Block = (writer, x) => {
  const { dice } = writer;
  if (x.dims.length < 2) return undefined;
  const axis = dice.chance(0.8) ? 1 : x.dims.length - 1;
  const fits = ({ dims }: Made) => dims.length === x.dims.length && dims.every((d, i) => i === axis || d === x.dims[i]);
  const others = writer.pool.filter(fits);
  const parts = dice.chance(0.15) || others.length === 0 ? [x] : [x, ...dice.some(others.slice(-3), 0.6)];
  const total = parts.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  if (total > 24) return undefined;
  return writer.node(
    'Concat',
    parts,
    x.dims.map((d, i) => (i === axis ? total : d)),
    { axis: writer.world.opset >= 11 && dice.chance(0.2) ? axis - x.dims.length : axis },
  );
};

/** Split, and perhaps Concat of the very parts. */
export const split: Block = (writer, x) => {
  const { dice, world } = writer;
  const [batch = 1, channels = 0, ...rest] = x.dims;
  if (x.dims.length < 2 || channels < 2) return undefined;
  const first = channels % 2 === 0 ? channels / 2 : dice.int(1, channels - 1);
  const sizes = [first, channels - first];
  const dims = sizes.map(size => [batch, size, ...rest]);
  const even = sizes[0] === sizes[1] && dice.chance(0.5);
  const parts =
    world.opset < 13
      ? writer.nodes('Split', [x], dims, { axis: 1, split: even ? undefined : sizes })
      : writer.nodes('Split', even ? [x] : [x, writer.integers(sizes)], dims, {
          axis: 1,
          num_outputs: even && world.opset >= 18 ? 2 : undefined,
        });
  writer.pool.push(...parts);
  return dice.chance(0.5) ? parts[0]! : writer.node('Concat', dice.chance(0.6) ? parts : [...parts].reverse(), x.dims, { axis: 1 });
};

/** Sizes that change nothing, or stretch an axis of size 1. */
export const expand: Block = (writer, x) => {
  const { dice, world } = writer;
  if (world.opset < 8 || x.dims.length < 2) return undefined;
  const dims = x.dims.map((d, i) => (d === 1 && i >= 1 && dice.chance(0.3) ? dice.int(1, 4) : d));
  const spelled = dims.map((d, i) => (d === x.dims[i] && (i === 0 || dice.chance(0.5)) ? 1 : d));
  return writer.node('Expand', [x, writer.integers(dice.chance(0.2) ? tailOf(spelled) : spelled)], dims);
};
