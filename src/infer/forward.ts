import { attrsOf } from '../ir/attrs.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import type { Dim, Value } from '../ir/value.ts';
import { sizesIn } from './sizes.ts';

type Shape = readonly Dim[];

/**
 * Carries shapes on to results that ONNX Runtime knows nothing of yet, through the operators that networks are mostly made of. Each size
 * that is folded lets the runtime know what follows, up to the next one: this saves it being asked as often as there are sizes. What is
 * found here is found by the runtime too, once the sizes are constants.
 */
export function inferForward(model: Model): void {
  for (const node of model.graph.nodes()) {
    const [result] = node.outputs;
    if (!result || isKnown(result.sureShape)) continue;
    const shape = forwardShape(node);
    const dtype = result.dtype ?? node.inputs[0]?.dtype;
    if (shape && dtype) result.inferred = { kind: 'tensor', dtype, shape };
  }
}

/** The shape of a node's first result, as its operands' shapes tell; undefined where they don't, or the operator is none of these. */
export function forwardShape(node: Node): Shape | undefined {
  return node.op.domain === '' && Object.hasOwn(operators, node.op.name) ? operators[node.op.name]!(node) : undefined;
}

const isKnown = (shape: Shape | undefined) => shape?.every(d => d !== undefined) === true;
const shapeOf = (value: Value | undefined): Shape | undefined => value?.sureShape;
const same = (node: Node) => shapeOf(node.inputs[0]);
const areNumbers = (ns: readonly Dim[] | undefined): ns is readonly number[] => ns?.every(d => typeof d === 'number') === true;

const operators: Readonly<Record<string, (node: Node) => Shape | undefined>> = {
  BatchNormalization: same,
  Clip: same,
  HardSigmoid: same,
  LeakyRelu: same,
  Relu: same,
  Sigmoid: same,
  Conv(node) {
    const [x, w] = [shapeOf(node.inputs[0]), shapeOf(node.inputs[1])];
    const image = x && w && windows(x.slice(2), w.slice(2), attrsOf(node, 'Conv'));
    return image && [x[0], w[0], ...image];
  },
  MaxPool(node) {
    const attrs = attrsOf(node, 'MaxPool');
    const x = attrs.ceil_mode ? undefined : shapeOf(node.inputs[0]);
    const image = x && windows(x.slice(2), attrs.kernel_shape, attrs);
    return image && [...x.slice(0, 2), ...image];
  },
  Transpose(node) {
    const x = shapeOf(node.inputs[0]);
    const { perm } = attrsOf(node, 'Transpose');
    return x && (perm ? perm.map(axis => x[axis]) : [...x].reverse());
  },
  Concat(node) {
    const parts = node.inputs.map(shapeOf);
    const rank = parts[0]?.length ?? 0;
    const axis = (attrsOf(node, 'Concat').axis ?? 0) + ((attrsOf(node, 'Concat').axis ?? 0) < 0 ? rank : 0);
    if (!parts.every(part => part?.length === rank)) return undefined;
    const along: readonly Dim[] = parts.map(part => part![axis]);
    if (!areNumbers(along)) return undefined;
    const sum = along.reduce((a, b) => a + b, 0);
    return parts[0]!.map((d, i) => (i === axis ? sum : d));
  },
  Reshape(node) {
    const x = shapeOf(node.inputs[0]);
    const target = sizesIn(node.inputs[1])?.values;
    if (!x || !target || attrsOf(node, 'Reshape').allowzero) return undefined;
    const dims = target.map((d, i) => (d === 0 ? x[i] : d));
    if (!dims.includes(-1)) return dims;
    // What is left for −1, with as many of each symbol on both sides.
    const [numbers, symbols] = product(x);
    const [others, named] = product(dims.filter(d => d !== -1));
    const left = numbers / others;
    return symbols !== undefined && symbols === named && Number.isInteger(left) ? dims.map(d => (d === -1 ? left : d)) : undefined;
  },
  Slice(node) {
    const x = shapeOf(node.inputs[0]);
    if (!x || node.op.version === undefined || node.op.version < 10) return undefined;
    const [starts, ends, axes, steps] = node.inputs.slice(1).map(v => sizesIn(v)?.values);
    const plain = node.inputs.length < 5 || steps?.every(s => s === 1);
    if (!areNumbers(starts) || !areNumbers(ends) || !plain || (node.inputs.length > 3 && !areNumbers(axes))) return undefined;
    const dims = [...x];
    for (const [i, start] of starts.entries()) {
      const axis = (areNumbers(axes) ? axes[i]! : i) + (areNumbers(axes) && axes[i]! < 0 ? x.length : 0);
      const size = x[axis];
      if (typeof size !== 'number') return undefined;
      const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + size : at, 0), size);
      dims[axis] = Math.max(0, clamp(ends[i]!) - clamp(start));
    }
    return dims;
  },
};

/** Outputs of a window along each dimension: ⌊(size + pads − dilation·(kernel − 1) − 1) / stride⌋ + 1. */
function windows(
  image: Shape,
  kernel: Shape | undefined,
  attrs: {
    readonly auto_pad?: string | undefined;
    readonly pads?: readonly number[] | undefined;
    readonly strides?: readonly number[] | undefined;
    readonly dilations?: readonly number[] | undefined;
  },
): readonly number[] | undefined {
  const { auto_pad = 'NOTSET', pads = [], strides = [], dilations = [] } = attrs;
  if (!areNumbers(image) || !areNumbers(kernel) || kernel.length !== image.length || auto_pad !== 'NOTSET') return undefined;
  return image.map((size, i) => {
    const padded = size + (pads[i] ?? 0) + (pads[i + image.length] ?? 0);
    return Math.floor((padded - (dilations[i] ?? 1) * (kernel[i]! - 1) - 1) / (strides[i] ?? 1)) + 1;
  });
}

/** The product of the numbers, and the symbols in order; undefined where something is not known. */
function product(dims: Shape): [number, string | undefined] {
  const numbers = dims.filter(d => typeof d === 'number').reduce((a, b) => a * b, 1);
  const symbols = dims.filter(d => typeof d === 'string').sort();
  return [numbers, dims.includes(undefined) ? undefined : symbols.join(' ')];
}
