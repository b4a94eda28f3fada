import { FunnelError } from '../errors.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { operatorAt } from '../ops/schema.ts';
import type { Builder } from '../rewrite/builder.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import type { DType } from '../tensor/dtype.ts';
import { type Condition, freluAttributes, freluFunction, type Window } from './frelu.ts';
import { type Branch, type Start, type StartOptions, startWeights, windowsOf } from './start.ts';
import type { TrainedWeights } from './trained.ts';
import type { TrainedSite } from './trained-file.ts';
import { startFrom } from './weights.ts';

export interface FunnelOptions {
  /** `folded`: Conv and Max. `trainable`: Conv, BatchNormalization and Max. `fused`: one call of the function `funnel.FReLU`. */
  readonly form?: 'folded' | 'trainable' | 'fused';
  /** `exact`: the network computes what it did before. `gaussian`: the paper's weights, N(0, 0.01²). */
  readonly init?: 'exact' | 'gaussian';
  /** Window size, odd. */
  readonly kernel?: number;
  /** Distance between the window's taps. */
  readonly dilation?: number;
  /** What a pixel is compared with: a k×k convolution, its light forms, or a pool. */
  readonly condition?: Condition;
  /** `max`: y = max(x, T(x)), the funnel. `sum`: y = x + T(x), as in the paper's ablation. */
  readonly combine?: 'max' | 'sum';
  readonly seed?: number;
  /** Trained weights to begin with, instead of `init`: window and number of branches are theirs. */
  readonly weights?: TrainedWeights;
}

export type { Condition };

/** Elements of a weight: 64 MiB of float. */
const LARGEST_WEIGHT = 2 ** 24;
/** The paper's largest window is 7; beyond this a number is a slip. */
const LARGEST_KERNEL = 63;

/** What is known of the image that a funnel is put on. */
interface Image {
  readonly rank?: number;
  readonly channels?: number;
  readonly dtype?: DType;
  /** A convolution makes it, or what keeps its channels apart. */
  readonly convolved?: boolean;
}

/** @throws FunnelError `E_USAGE` for a window without a centre, or a start that the variant does not have. */
export function checkOptions({
  kernel = 3,
  dilation = 1,
  condition = 'conv',
  combine = 'max',
  form = 'folded',
  init = 'exact',
  weights,
}: FunnelOptions): void {
  const fail = (what: string): never => {
    throw new FunnelError('E_USAGE', what);
  };
  if (!Number.isSafeInteger(kernel) || kernel < 1 || kernel > LARGEST_KERNEL || kernel % 2 === 0)
    fail(`the kernel must be an odd size up to ${LARGEST_KERNEL}, not ${kernel}`);
  if (!Number.isSafeInteger(dilation) || dilation < 1 || dilation > LARGEST_KERNEL)
    fail(`the dilation must be a size up to ${LARGEST_KERNEL}, not ${dilation}`);
  const pool = condition.endsWith('-pool');
  if (pool && dilation > 1) fail('a pool has no dilation here');
  if (pool && weights) fail(`the condition ${condition} has no weights that could be trained`);
  if (init !== 'exact' || weights) return;
  if (combine === 'sum') fail('x + T(x) is no ReLU whatever T: the combination sum needs the start gaussian');
  if (pool && form !== 'trainable')
    fail(
      `the condition ${condition} has no weights that could start as the activation before: use the form trainable, or the start gaussian`,
    );
}

/** A funnel over `x` [N, C, …] that begins as `start`, in the place of the activation `site`, or why there can be none. */
export function makeFunnel(x: Value, image: Image, start: Start, options: FunnelOptions, op: Builder, site: Node): Value | Refusal {
  const { form = 'folded', init = 'exact', kernel = 3, dilation = 1, condition = 'conv', combine = 'max', seed = 0, weights } = options;
  const { rank, channels, dtype } = image;
  const spatialRank = (rank ?? 0) - 2;
  const misfit = unfitRank(image, condition);
  if (misfit) return op.refuse('E_RANK', misfit);
  if (channels === undefined) return op.refuse('E_CHANNELS');
  if (x.producer?.op.name === 'DequantizeLinear') return op.refuse('E_QUANTISED');
  const unfit = dtype === undefined ? 'the element type is not known' : unfitDtype(dtype, op.opset);
  if (unfit !== undefined || dtype === undefined) return op.refuse('E_DTYPE', unfit);
  // The network is a valid one all the same, and had convolutions of that type before: other runtimes have the kernels.
  if (dtype === 'double' || dtype === 'bfloat16') op.note(`ONNX Runtime's CPU provider has no Conv for ${dtype}`);
  const window = new Array<number>(spatialRank).fill(kernel);
  if (channels * kernel ** spatialRank > LARGEST_WEIGHT)
    return op.refuse('E_SHAPE', `a ${window.join('×')} window for ${channels} channels is too large`);
  if (x.shape?.some(d => d === 0)) return op.refuse('E_SHAPE', 'the image is empty');
  const trainable = form === 'trainable';
  const old = op.opset < 7 && (trainable ? 'BatchNormalization' : condition === 'light-sum' || combine === 'sum' ? 'Add' : undefined);
  if (old) return op.refuse('E_FORM', `ONNX Runtime has no ${old} before operator set 7`);
  const settings: StartOptions = { channels, window, condition, dtype, init, trainable, seed: `${seed}:${x.name}` };
  if (!weights) {
    const branches = startWeights(start, settings);
    if (!branches) return op.refuse('E_SHAPE', 'the slope is not one per channel, or the condition has no weights to hold it');
    const windows = windowsOf(condition, window).map(kernel_shape => ({ kernel_shape, dilations: kernel_shape.map(() => dilation) }));
    return written(x, branches, windows, { form, condition, combine }, op);
  }
  const trained = weights.find(site, channels);
  if (!trained) return op.refuse('E_WEIGHTS', `${weights.source} has no weights for it`);
  return fromTrained(x, trained, { ...settings, form, combine, dilation }, op);
}

interface Shape {
  readonly form: 'folded' | 'trainable' | 'fused';
  readonly condition: Condition;
  readonly combine: 'max' | 'sum';
}

function fromTrained(
  x: Value,
  { branches: found, compared = false }: TrainedSite,
  { dtype, trainable, window, condition: asked, ...shape }: StartOptions & Shape & { readonly dilation: number },
  op: Builder,
): Value | Refusal {
  // MegEngine's grouped weights have an axis more: [C, 1, 1, …window].
  const trained = found.map(b => {
    const { dims } = b.weight;
    return dims.length === window.length + 3 && dims[2] === 1 ? { ...b, weight: b.weight.reshape([dims[0]!, ...dims.slice(2)]) } : b;
  });
  const [first] = trained;
  if (!first || trained.length > 2 || trained.some(b => b.weight.rank !== window.length + 2))
    return op.refuse('E_WEIGHTS', `its weights are ${trained.map(b => `[${b.weight.dims}]`).join(' and ')}`);
  const branches = trained.map(b => startFrom(b, dtype, trainable));
  if (!branches.every(b => b !== undefined))
    return op.refuse('E_TRAP', 'its weights are 0 under a γ that is not: gradients would be 1/√ε ≈ 316 times too large');
  const condition = trained.length === 1 ? 'conv' : compared || asked === 'light-max' ? 'light-max' : 'light-sum';
  const windows = trained.map(({ weight, dilations }) => {
    const kernel_shape = weight.dims.slice(2);
    return { kernel_shape, dilations: dilations ?? kernel_shape.map(k => (k === 1 ? 1 : shape.dilation)) };
  });
  return written(x, branches, windows, { ...shape, condition }, op);
}

function written(
  x: Value,
  branches: readonly Branch[],
  windows: readonly Window[],
  { form, condition, combine }: Shape,
  op: Builder,
): Value {
  const trainable = form === 'trainable';
  const f = freluFunction(op.opset, { condition, combine, trainable }, windows[0]!.kernel_shape.length);
  const operands = branches.flatMap(branch => operandsOf(branch, trainable));
  const pool = condition.endsWith('-pool');
  const attributes = freluAttributes(windows, pool ? undefined : branches[0]!.bias.size);
  return op[form === 'fused' ? 'call' : 'inline'](f, [x, ...operands], attributes);
}

function operandsOf({ weight, bias, scale, mean, variance }: Branch, trainable: boolean) {
  if (trainable) return [...(weight ? [weight] : []), scale, bias, mean, variance];
  return weight ? [weight, bias] : [];
}

function unfitRank({ rank, convolved }: Image, condition: Condition): string | undefined {
  if (rank === undefined) return "the input's rank is not known";
  if (rank === 4) return undefined;
  const supported = 'a funnel takes [N, C, H, W], and after convolutions [N, C, L] and [N, C, D, H, W]';
  if (rank !== 3 && rank !== 5) return `the input has rank ${rank}; ${supported}`;
  // A sequence [N, L, C] has rank 3 too.
  if (!convolved) return `the input has rank ${rank} and no convolution before it; ${supported}`;
  return condition.startsWith('light') ? `the condition ${condition} is for images [N, C, H, W], not for rank ${rank}` : undefined;
}

/** What keeps a funnel from computing in an element type. */
function unfitDtype(dtype: DType, opset: number): string | undefined {
  const missing = ['Conv', 'Max'].find(name => !operatorAt('', name, opset)?.dtypes.has(dtype));
  return missing && `${missing} of operator set ${opset} does not take ${dtype}`;
}
