import { channelMove } from '../functions/view.ts';
import { constantOf } from '../ir/constant.ts';
import type { Value } from '../ir/value.ts';
import type { DType } from '../tensor/dtype.ts';

/** What a rewrite must know of an image [N, C, …]. */
export interface ImageFacts {
  readonly rank: number;
  readonly channels: number;
  readonly dtype: DType;
}

/** How far local rules look back. */
const DEPTH = 16;

/** Operators that keep rank and channels of an image. */
const channelKeeping = new Set([
  'Relu',
  'LeakyRelu',
  'PRelu',
  'Clip',
  'Sigmoid',
  'Tanh',
  'HardSigmoid',
  'HardSwish',
  'Elu',
  'Identity',
  'Dropout',
  'Cast',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'LRN',
  'Pad',
]);

/** Whether a value is made by a convolution, or from one by operators that keep its channels: then axis 1 are channels for sure. */
export function isConvolved(value: Value, depth = DEPTH): boolean {
  const node = value.producer;
  if (depth === 0 || node?.op.domain !== '') return false;
  if (node.op.name === 'Conv' || node.op.name === 'ConvTranspose') return true;
  const passesOn = channelKeeping.has(node.op.name) || node.op.name === 'BatchNormalization' || node.op.name === 'Add';
  return passesOn && node.inputs[0] !== undefined && isConvolved(node.inputs[0], depth - 1);
}

/** Operators that work element by element, whatever lies along the axes. */
const elementwise = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Relu',
  'LeakyRelu',
  'Clip',
  'Sigmoid',
  'Tanh',
  'HardSwish',
  'Identity',
  'Cast',
  'Dropout',
]);

/** Why a value of rank 4 is no image [N, C, H, W] all the same: its channels lie last, or it is a product of matrices. */
export function notAnImage(value: Value, depth = DEPTH): string | undefined {
  const node = value.producer;
  if (depth === 0 || node?.op.domain !== '') return undefined;
  if (channelMove(node) === 'last') return 'its channels lie behind the spatial axes: convert the model before it is made channels-last';
  if (node.op.name === 'MatMul') return 'it is a product of matrices, not an image';
  const [first, second] = node.inputs;
  if (!elementwise.has(node.op.name) || !first) return undefined;
  return notAnImage(constantOf(first) && second ? second : first, depth - 1);
}

/**
 * Rank, channels and element type of a value: from its type, else by local rules (a convolution's weight, a normalization's scale,
 * passed on by operators that keep channels) where the runtime could not load the model.
 */
export function imageFacts(value: Value, depth = DEPTH): Partial<ImageFacts> {
  const channels = value.shape?.[1];
  const known: Partial<ImageFacts> = {
    ...(value.shape && { rank: value.shape.length }),
    ...(typeof channels === 'number' && { channels }),
    ...(value.dtype !== undefined && value.dtype !== 'undefined' && { dtype: value.dtype }),
  };
  if (depth === 0 || (known.rank !== undefined && known.channels !== undefined && known.dtype !== undefined)) return known;
  return { ...local(value, depth), ...known };
}

function local(value: Value, depth: number): Partial<ImageFacts> {
  const node = value.producer;
  if (node?.op.domain !== '') return {};
  const [first, second] = node.inputs;
  const weight = constantOf(second) ?? (second?.definition.kind === 'input' ? second.definition.fallback : undefined);
  if (node.op.name === 'Conv' && weight?.dims[0] !== undefined) return { rank: weight.rank, channels: weight.dims[0], dtype: weight.dtype };
  if (node.op.name === 'BatchNormalization' && weight?.size !== undefined)
    // From operator set 14 on, parameters may have a type of their own.
    return {
      ...((node.op.version ?? 14) < 14 && { dtype: weight.dtype }),
      ...(first && imageFacts(first, depth - 1)),
      channels: weight.size,
    };
  if (channelKeeping.has(node.op.name) && first) return imageFacts(first, depth - 1);
  return {};
}
