import { FunnelError } from '../errors.ts';
import type { Value } from '../ir/value.ts';
import { operatorAt } from '../ops/schema.ts';
import type { Builder } from '../rewrite/builder.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import type { DType } from '../tensor/dtype.ts';
import { freluAttributes, freluFunction, trainableFunction } from './frelu.ts';
import { type Start, startWeights } from './start.ts';

export interface FunnelOptions {
  /** `folded`: Conv and Max. `trainable`: Conv, BatchNormalization and Max. `fused`: one call of the function `funnel.FReLU`. */
  readonly form?: 'folded' | 'trainable' | 'fused';
  /** `exact`: the network computes what it did before. `gaussian`: the paper's weights, N(0, 0.01²). */
  readonly init?: 'exact' | 'gaussian';
  /** Window size, odd. */
  readonly kernel?: number;
  /** Distance between the window's taps. */
  readonly dilation?: number;
  /**
   * What a pixel is compared with. `conv`: a depthwise k×k convolution. `light-sum`, `light-max`: a 1×k and a k×1 one, summed or the
   * larger of the two. `max-pool`, `average-pool`: the window without parameters.
   */
  readonly condition?: Condition;
  /** `max`: y = max(x, T(x)), the funnel. `sum`: y = x + T(x), as in the paper's ablation. */
  readonly combine?: 'max' | 'sum';
  readonly seed?: number;
}

export type Condition = 'conv' | 'light-sum' | 'light-max' | 'max-pool' | 'average-pool';

/** Elements of a weight: 64 MiB of float. */
const LARGEST_WEIGHT = 2 ** 24;
/** The paper's largest window is 7; beyond this a number is a slip. */
const LARGEST_KERNEL = 63;

/** What is known of the image that a funnel is put on. */
interface Image {
  readonly rank?: number;
  readonly channels?: number;
  readonly dtype?: DType;
}

/** @throws FunnelError `E_USAGE` for a window that has no centre. */
export function checkKernel(kernel = 3): void {
  if (!Number.isSafeInteger(kernel) || kernel < 1 || kernel > LARGEST_KERNEL || kernel % 2 === 0)
    throw new FunnelError('E_USAGE', `the kernel must be an odd size up to ${LARGEST_KERNEL}, not ${kernel}`);
}

/** A funnel over `x` [N, C, H, W] that begins as `start`, or why there can be none. */
export function makeFunnel(x: Value, { rank, channels, dtype }: Image, start: Start, options: FunnelOptions, op: Builder): Value | Refusal {
  const { form = 'folded', init = 'exact', kernel = 3, seed = 0 } = options;
  if (rank === undefined) return op.refuse('E_RANK', "the input's rank is not known");
  if (rank !== 4) return op.refuse('E_RANK', `the input has rank ${rank}, an image [N, C, H, W] has 4`);
  if (channels === undefined) return op.refuse('E_CHANNELS');
  const unfit = dtype === undefined ? 'the element type is not known' : unfitDtype(dtype, op.opset);
  if (unfit !== undefined || dtype === undefined) return op.refuse('E_DTYPE', unfit);
  if (channels * kernel * kernel > LARGEST_WEIGHT)
    return op.refuse('E_BUDGET', `a ${kernel}×${kernel} window for ${channels} channels is too large`);
  if (x.shape?.some(d => d === 0)) return op.refuse('E_SHAPE', 'the image is empty');
  const w = startWeights(start, { channels, kernel, dtype, init, trainable: form === 'trainable', seed: `${seed}:${x.name}` });
  if (w === undefined) return op.refuse('E_SHAPE', 'the slope is not one per channel');
  if (form === 'trainable' && op.opset < 7) return op.refuse('E_FORM', 'ONNX Runtime has no BatchNormalization before operator set 7');
  const attributes = freluAttributes({ group: channels, kernel_shape: [kernel, kernel], dilations: [1, 1] });
  if (form === 'fused') return op.call(freluFunction(op.opset), [x, w.weight, w.bias], attributes);
  if (form === 'folded') return op.inline(freluFunction(op.opset), [x, w.weight, w.bias], attributes);
  return op.inline(trainableFunction(op.opset), [x, w.weight, w.scale, w.bias, w.mean, w.variance], attributes);
}

/** What keeps a funnel from computing in an element type. */
function unfitDtype(dtype: DType, opset: number): string | undefined {
  const missing = ['Conv', 'Max'].find(name => !operatorAt('', name, opset)?.dtypes.has(dtype));
  if (missing) return `${missing} of operator set ${opset} does not take ${dtype}`;
  return dtype === 'double' ? 'ONNX Runtime has no Conv for double' : undefined;
}
