import type { DType } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';

/**
 * What a depthwise convolution with stride 1 and size-keeping pads computes of an image x [N, C, …]: for each channel c,
 * (L x)[p] = Σ over the window of weight[c, 0, k]·x[p + (k − centre)·dilation] + bias[c]. x itself is one (a 1 at the centre), and so
 * is zero.
 */
export interface Linear {
  /** [C, 1, …window], window sizes odd; one row where all channels have the same. */
  readonly weight: Tensor;
  /** [C], or [1]. */
  readonly bias: Tensor;
  /** Distance between taps per dimension; 1 where the window's size is 1. */
  readonly dilations: readonly number[];
}

/** What separates a coefficient from 0 or 1 that arithmetic in float64 made of it. */
const TINY = 2 ** -48;

/** x itself, or zero: the same value at the centre of every channel. */
export function constantTap(dtype: DType, channels: number, spatialRank: number, centre: 0 | 1): Linear {
  const window = new Array<number>(spatialRank).fill(1);
  return {
    weight: Tensor.fill(dtype, [channels, 1, ...window], centre),
    bias: Tensor.fill(dtype, [channels], 0),
    dilations: window,
  };
}

/** A map whose coefficients are the same for all channels, spelled out for each. */
export function spread(map: Linear, channels: number): Linear {
  if (map.weight.dims[0] === channels && map.bias.size === channels) return map;
  const zeros = Tensor.fill(map.weight.dtype, [channels], 0);
  return { ...map, weight: map.weight.add(zeros.along(0, map.weight.rank)), bias: map.bias.add(zeros) };
}

/** γ·L(x) + β, γ and β [C] or one number. */
export function scaled({ weight, bias, dilations }: Linear, gamma: Tensor | number, beta?: Tensor): Linear {
  const along = typeof gamma === 'number' ? gamma : gamma.along(0, weight.rank);
  const scaledBias = bias.mul(gamma);
  return { weight: weight.mul(along), bias: beta ? scaledBias.add(beta) : scaledBias, dilations };
}

/** A(x) + B(x); undefined where their taps lie on different grids. */
export function sum(a: Linear, b: Linear): Linear | undefined {
  const window = a.weight.dims.slice(2).map((k, i) => Math.max(k, b.weight.dims[i + 2]!));
  const dilations = a.dilations.map((d, i) => Math.max(d, b.dilations[i]!));
  for (const { weight, dilations: own } of [a, b]) if (own.some((d, i) => weight.dims[i + 2]! > 1 && d !== dilations[i])) return undefined;
  return { weight: widened(a.weight, window).add(widened(b.weight, window)), bias: a.bias.add(b.bias), dilations };
}

/** The same weight in a larger window, around the same centre. */
export function widened(weight: Tensor, window: readonly number[]): Tensor {
  const [channels = 0, , ...own] = weight.dims;
  if (own.every((k, i) => k === window[i])) return weight;
  const from = weight.numbers();
  const area = window.reduce((a, b) => a * b, 1);
  const taps = new Float64Array(channels * area);
  const perChannel = from.length / channels;
  for (let k = 0; k < perChannel; k++) {
    let rest = k;
    let target = 0;
    let stride = 1;
    for (let i = own.length - 1; i >= 0; i--) {
      target += ((rest % own[i]!) + (window[i]! - own[i]!) / 2) * stride;
      rest = Math.floor(rest / own[i]!);
      stride *= window[i]!;
    }
    for (let c = 0; c < channels; c++) taps[c * area + target] = from[c * perChannel + k]!;
  }
  return Tensor.exact(weight.dtype, [channels, 1, ...window], taps);
}

/** By channel: the coefficient at the centre, and the sum of all others' magnitudes. */
export function centreOf({ weight }: Linear): { readonly centre: Float64Array; readonly rest: Float64Array } {
  const channels = weight.dims[0] ?? 0;
  const taps = weight.numbers();
  const area = taps.length / channels;
  const centre = new Float64Array(channels);
  const rest = new Float64Array(channels);
  for (let i = 0; i < taps.length; i++) {
    const c = Math.floor(i / area);
    if (i % area === (area - 1) / 2) centre[c] = taps[i]!;
    else rest[c]! += Math.abs(taps[i]!);
  }
  return { centre, rest };
}

/** Whether L(x) is `centre`·x, up to float64's own rounding. */
export function isTap(linear: Linear, centre: 0 | 1): boolean {
  const found = centreOf(linear);
  return found.rest.every(r => r <= TINY) && found.centre.every(a => Math.abs(a - centre) <= TINY) && isZero(linear.bias);
}

/** Each map once. */
export function distinct(maps: readonly Linear[]): Linear[] {
  const kept: Linear[] = [];
  for (const map of maps) if (!kept.some(other => same(other, map))) kept.push(map);
  return kept;
}

function same(a: Linear, b: Linear): boolean {
  const difference = sum(a, scaled(b, -1));
  return difference !== undefined && isTap(difference, 0);
}

const isZero = (t: Tensor) => Array.from(t.numbers()).every(x => Math.abs(x) <= TINY);

/** The channels whose weights are all 0. */
export function deadChannels(linear: Linear): number[] {
  const taps = linear.weight.numbers();
  const channels = linear.weight.dims[0] ?? 0;
  const area = taps.length / channels;
  const isDead = (c: number) => Array.from({ length: area }, (_, k) => taps[c * area + k]).every(x => x === 0);
  return Array.from({ length: channels }, (_, c) => c).filter(isDead);
}
