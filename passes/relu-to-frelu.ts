import { FunnelError } from '../src/errors.ts';
import { freluFunction, trainableFunction } from '../src/functions/frelu.ts';
import { type Start, startWeights } from '../src/functions/start.ts';
import { imageFacts } from '../src/infer/image.ts';
import { inferTypes, lacksTypes } from '../src/infer/types.ts';
import type { Attribute } from '../src/ir/attribute.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Value } from '../src/ir/value.ts';
import { operatorAt } from '../src/ops/schema.ts';
import type { Builder } from '../src/rewrite/builder.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { any, constant, optional, p } from '../src/rewrite/pattern.ts';
import { Refusal } from '../src/rewrite/refusal.ts';
import { rule } from '../src/rewrite/rule.ts';
import type { DType } from '../src/tensor/dtype.ts';

export interface ReluToFreluOptions {
  /** `folded`: Conv and Max. `trainable`: Conv, BatchNormalization and Max. `fused`: one call of the function `funnel.FReLU`. */
  readonly form?: 'folded' | 'trainable' | 'fused';
  /** `exact`: the network computes what it did before. `gaussian`: the paper's weights, N(0, 0.01²). */
  readonly init?: 'exact' | 'gaussian';
  /** Window size, odd. */
  readonly kernel?: number;
  readonly seed?: number;
}

/**
 * Turns every ReLU over an image into a Funnel Activation: y = max(x, T(x)), T a depthwise convolution over a k×k window.
 *
 * ReLU is the funnel with T = 0, LeakyRelu and PRelu with a slope of at most 1 the ones whose centre tap is the slope, Clip the one
 * with T = min, its upper bound kept after it. So the start `exact` computes what the network did before, and training goes on from
 * there (Ma, Zhang, Sun: "Funnel Activation for Visual Recognition", ECCV 2020, whose own start is `gaussian`).
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y) {
 *   y = Relu (x)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,3,3] y_W = {0, 0, 0, 0, 0, 0, 0, 0, 0}, float[1] y_B = {0}>
 * {
 *   y_T = Conv <dilations: ints = [1, 1], group: int = 1, kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1], strides: ints = [1, 1]> (x, y_W, y_B)
 *   y = Max (y_T, x)
 * }
 * ```
 */
export function reluToFrelu(options: ReluToFreluOptions = {}): Pass {
  const { form = 'folded', init = 'exact', kernel = 3, seed = 0 } = options;
  if (!Number.isSafeInteger(kernel) || kernel < 1 || kernel % 2 === 0)
    throw new FunnelError('E_USAGE', `the kernel must be an odd size, not ${kernel}`);

  const funnel = (x: Value, start: Start, op: Builder): Value | Refusal => {
    const { rank, channels, dtype } = imageFacts(x);
    if (rank !== undefined && rank !== 4) return op.refuse('E_RANK', `the input has rank ${rank}, an image [N, C, H, W] has 4`);
    if (rank === undefined) return op.refuse('E_RANK', "the input's rank is not known");
    if (channels === undefined) return op.refuse('E_CHANNELS');
    const unfit = dtype === undefined ? 'the element type is not known' : unfitDtype(dtype, op.opset);
    if (unfit !== undefined || dtype === undefined) return op.refuse('E_DTYPE', unfit);
    if (x.shape?.some(d => d === 0)) return op.refuse('E_SHAPE', 'the image is empty');
    const w = startWeights(start, { channels, kernel, dtype, init, trainable: form === 'trainable', seed: `${seed}:${x.name}` });
    if (w === undefined) return op.refuse('E_SHAPE', 'the slope is not one per channel');
    const attributes = windowAttributes(channels, kernel);
    if (form === 'fused') return op.call(freluFunction(op.opset), [x, w.weight, w.bias], attributes);
    if (form === 'folded') return op.inline(freluFunction(op.opset), [x, w.weight, w.bias], attributes);
    return op.inline(trainableFunction(op.opset), [x, w.weight, w.scale, w.bias, w.mean, w.variance], attributes);
  };
  const rules = [
    rule({ match: p.Relu(any('x')), rewrite: ({ x }, op) => funnel(x, { slope: 0, floor: 0 }, op) }),
    rule({
      match: p.LeakyRelu(any('x')).as('relu'),
      rewrite: ({ x, relu }, op) => (relu.attrs.alpha <= 1 ? funnel(x, { slope: relu.attrs.alpha, floor: 0 }, op) : tooSteep(op)),
    }),
    rule({
      match: p.PRelu(any('x'), constant('slope')).as('relu'),
      rewrite({ x, slope, relu }, op) {
        if (Array.from(slope.numbers()).some(a => a > 1)) return tooSteep(op);
        // Before operator set 7 a vector was per channel; since then shapes are right-aligned.
        const aligned = slope.rank === 1 && (relu.node.op.version ?? 7) < 7 ? slope.along(0, 3) : slope;
        return funnel(x, { slope: aligned, floor: 0 }, op);
      },
    }),
    rule({
      match: p.Clip(any('x'), optional(any('low')), optional(any('high'))).as('clip'),
      rewrite({ x, low, high, clip }, op) {
        const floor = low ? constantOf(low)?.numbers()[0] : clip.attrs.min;
        if (low && floor === undefined) return op.refuse('E_DYNAMIC', `the lower bound ${low.name} is not a constant`);
        // Without a lower bound it is no activation.
        if (floor === undefined || floor < -3e38) return undefined;
        const y = funnel(x, { slope: 0, floor }, op);
        if (y instanceof Refusal) return y;
        if (high) return op.Clip(y, undefined, high);
        return clip.attrs.max === undefined || clip.attrs.max > 3e38 ? y : op.Clip(y, undefined, undefined, { max: clip.attrs.max });
      },
    }),
  ];
  return pass('relu-to-frelu', 'changes', rules, {
    prepare: async model => void (lacksTypes(model) && (await inferTypes(model))),
  });
}

/** What keeps a funnel from computing in an element type. */
function unfitDtype(dtype: DType, opset: number): string | undefined {
  const missing = ['Conv', 'Max'].find(name => !operatorAt('', name, opset)?.dtypes.has(dtype));
  if (missing) return `${missing} of operator set ${opset} does not take ${dtype}`;
  return dtype === 'double' ? 'ONNX Runtime has no Conv for double' : undefined;
}

const tooSteep = (op: Builder) => op.refuse('E_FORM', 'a slope above 1 bends the other way: max(x, a·x) is x there');

function windowAttributes(channels: number, kernel: number): Record<string, Attribute> {
  const ints = (...value: number[]): Attribute => ({ type: 'ints', value: value.map(BigInt) });
  const half = (kernel - 1) / 2;
  return {
    dilations: ints(1, 1),
    group: { type: 'int', value: BigInt(channels) },
    kernel_shape: ints(kernel, kernel),
    pads: ints(half, half, half, half),
  };
}
