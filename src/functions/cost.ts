import { sizeOf } from '../tensor/broadcast.ts';
import type { DType } from '../tensor/dtype.ts';
import { byteLengthOf } from '../tensor/dtype.ts';
import type { FunnelOptions } from './funnel.ts';
import { windowsOf } from './start.ts';

/** What a funnel adds to the activation that it takes the place of. */
export interface FunnelCost {
  /** Elements of new initializers, statistics included. */
  readonly parameters: number;
  /** Multiply-accumulates of its convolutions. */
  readonly macs: number;
  /** Bytes of further results, which training must remember. */
  readonly activationBytes: number;
}

/** An image [batch, channels, …size]. */
export interface ImageSize {
  readonly batch: number;
  readonly channels: number;
  readonly size: readonly number[];
  readonly dtype: DType;
}

/**
 * The cost of a funnel on C×H×W (Ma, Zhang, Sun, ECCV 2020, section 3): for each window of k taps, C·k weights and C·k·H·W
 * multiply-accumulates, C biases, or 4C parameters of a BatchNormalization. A pool has no weights. `bounded`: an upper bound stays behind it.
 */
export function funnelCost(options: FunnelOptions, { batch, channels, size, dtype }: ImageSize, bounded = false): FunnelCost {
  const { form = 'folded', kernel = 3, condition = 'conv' } = options;
  const trainable = form === 'trainable';
  const pool = condition.endsWith('-pool');
  const windows = windowsOf(
    condition,
    size.map(() => kernel),
  );
  const taps = pool ? 0 : windows.reduce((sum, window) => sum + sizeOf(window), 0);
  const perBranch = trainable ? 4 : pool ? 0 : 1;
  const results = windows.length * (trainable ? 2 : 1) + (condition === 'light-sum' ? 1 : 0) + (bounded ? 1 : 0);
  const pixels = batch * sizeOf(size);
  return {
    parameters: channels * (taps + perBranch * windows.length),
    macs: channels * taps * pixels,
    activationBytes: results * (byteLengthOf(dtype, channels * pixels) ?? 0),
  };
}
