import type { Attribute } from '../ir/attribute.ts';
import type { FunctionDef } from '../ir/model.ts';
import { parseFunction } from '../text/parse.ts';

/**
 * Funnel Activation, y = max(x, T(x)), with T a depthwise convolution of the same size ("Funnel Activation for Visual
 * Recognition", Ma, Zhang, Sun, ECCV 2020). X: [N, C, H, W]; W: [C, 1, kh, kw]; B: [C]; one floating-point type throughout.
 *
 * T comes first in Max: ONNX Runtime's CPU kernel then returns Relu's bits, signed zeros included, where T is 0.
 */
const folded = (opset: number) => `
<domain: "funnel", opset_import: ["" : ${opset}]>
FReLU <dilations, group, kernel_shape, pads> (X, W, B) => (Y) {
  T = Conv <dilations: ints = @dilations, group: int = @group, kernel_shape: ints = @kernel_shape, pads: ints = @pads, strides: ints = [1, 1]> (X, W, B)
  Y = Max (T, X)
}`;

/** The form to train on: y = max(x, BN(T(x))), BN with its own parameters [C]. */
const trainable = (opset: number) => `
<domain: "funnel", opset_import: ["" : ${opset}]>
FReLUWithBatchNorm <dilations, group, kernel_shape, pads> (X, W, scale, B, mean, var) => (Y) {
  T = Conv <dilations: ints = @dilations, group: int = @group, kernel_shape: ints = @kernel_shape, pads: ints = @pads, strides: ints = [1, 1]> (X, W)
  N = BatchNormalization <epsilon: float = 1e-05> (T, scale, B, mean, var)
  Y = Max (N, X)
}`;

export const FRELU = { domain: 'funnel', name: 'FReLU', overload: '' } as const;

const cache = new Map<string, FunctionDef>();

function define(text: string): FunctionDef {
  let f = cache.get(text);
  if (!f) {
    f = parseFunction(text);
    cache.set(text, f);
  }
  return f;
}

/** FReLU as a model-local function, written in operator set `opset`. */
export const freluFunction = (opset: number): FunctionDef => define(folded(opset));

/** FReLU with its BatchNormalization kept, as a model-local function. */
export const trainableFunction = (opset: number): FunctionDef => define(trainable(opset));

/** The window of a funnel: odd sizes [kh, kw]. */
interface Window {
  readonly group: number;
  readonly kernel_shape: readonly number[];
  readonly dilations: readonly number[];
}

/** Pads [top, left, bottom, right] that keep H×W. */
export function samePads({ kernel_shape, dilations }: Omit<Window, 'group'>): number[] {
  const half = kernel_shape.map((k, i) => (dilations[i]! * (k - 1)) / 2);
  return [...half, ...half];
}

/** The attributes that every call of the function gives. */
export function freluAttributes(window: Window): Record<string, Attribute> {
  const ints = (value: readonly number[]): Attribute => ({ type: 'ints', value: value.map(BigInt) });
  return {
    dilations: ints(window.dilations),
    group: { type: 'int', value: BigInt(window.group) },
    kernel_shape: ints(window.kernel_shape),
    pads: ints(samePads(window)),
  };
}
