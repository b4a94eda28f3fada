import { attrsOf } from '../ir/attrs.ts';
import type { Value } from '../ir/value.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Linear } from './linear.ts';

/** A channel shuffle of `groups` groups: channel j·groups + i of the result was channel i·(channels / groups) + j. */
export interface Shuffle {
  readonly groups: number;
  readonly channels: number;
}

/** What Reshape, Transpose, Reshape, the last of which computes `y`, do to an image x, where they shuffle its channels and nothing else. */
export function shuffleOf(x: Value, y: Value): Shuffle | undefined {
  const transpose = y.producer?.inputs[0]?.producer;
  const image = sizesOf(x);
  const rows = sizesOf(transpose?.inputs[0]);
  const result = sizesOf(y);
  if (!transpose || !image || !rows || !result) return undefined;
  const [groups = 0, perGroup = 0, ...spatial] = rows;
  const [channels = 0, ...own] = image;
  const perm = attrsOf(transpose, 'Transpose').perm ?? [];
  const exchanged = perm.length === rows.length + 1 && [0, 2, 1].every((axis, i) => axis === perm[i]);
  const kept = perm.slice(3).every((axis, i) => axis === i + 3) && sizeOf(spatial) === sizeOf(own);
  const same = image.length === result.length && image.every((size, i) => size === result[i]);
  return exchanged && kept && same && groups * perGroup === channels ? { groups, channels } : undefined;
}

/** The sizes behind the batch, where all are known. */
function sizesOf(value: Value | undefined): number[] | undefined {
  const sizes = value?.shape?.slice(1);
  return sizes?.every(size => typeof size === 'number') ? sizes : undefined;
}

/** L', for which L'(shuffled x) is L(x) shuffled: the windows of the channels, shuffled. */
export function shuffled({ weight, bias, dilations }: Linear, shuffle: Shuffle): Linear {
  return { weight: shuffledRows(weight, shuffle), bias: shuffledRows(bias, shuffle), dilations };
}

function shuffledRows(tensor: Tensor, { groups, channels }: Shuffle): Tensor {
  // One row for all channels.
  if (tensor.dims[0] !== channels) return tensor;
  const from = tensor.numbers();
  const width = from.length / channels;
  const old = (channel: number) => (channel % groups) * (channels / groups) + Math.floor(channel / groups);
  const values = Float64Array.from(from, (_, i) => from[old(Math.floor(i / width)) * width + (i % width)]!);
  return Tensor.exact(tensor.dtype, tensor.dims, values);
}
