import type { Attribute } from '../ir/attribute.ts';
import type { FunctionDef } from '../ir/model.ts';
import { parseFunction } from '../text/parse.ts';

/** The domain of all functions here. */
export const DOMAIN = 'funnel';

/**
 * What a pixel is compared with. `conv`: a depthwise k×k convolution. `light-sum`, `light-max`: a 1×k and a k×1 one, summed or the
 * larger of the two. `max-pool`, `average-pool`: the window without parameters.
 */
export type Condition = 'conv' | 'light-sum' | 'light-max' | 'max-pool' | 'average-pool';

/** The members of the family: the paper's funnel (`conv`, `max`), its light form, and those of its ablations. */
export interface Variant {
  readonly condition: Condition;
  /** `max`: y = max(x, T(x)), the funnel. `sum`: y = x + T(x). */
  readonly combine: 'max' | 'sum';
  /** The form to train on: T ends in a BatchNormalization. */
  readonly trainable: boolean;
}

/** A depthwise convolution in a body: its window is given by the call. */
export const convolution = (op: 'Conv' | 'QLinearConv', operands: string, n = '', more = '') =>
  `${op} <dilations: ints = @dilations${n}, group: int = @group, kernel_shape: ints = @kernel_shape${n}, pads: ints = @pads${n}${more}> (${operands})`;
const conv = (result: string, weights: string, n = '') =>
  `  ${result} = ${convolution('Conv', `X, ${weights}`, n, ', strides: ints = [1, 1]')}`;
const norm = (result: string, x: string, n = '') =>
  `  ${result} = BatchNormalization <epsilon: float = 1e-05> (${x}, scale${n}, B${n}, mean${n}, var${n})`;

/** Inputs besides X, attributes, the lines that compute T, and the values that are T. */
interface Body {
  readonly inputs: readonly string[];
  readonly attributes: readonly string[];
  readonly lines: readonly string[];
  readonly results: readonly string[];
}

export const oneWindow = ['dilations', 'group', 'kernel_shape', 'pads'];
const twoWindows = [...oneWindow, 'dilations_2', 'kernel_shape_2', 'pads_2'];

/** One function body per condition: X [N, C, …]; W [C, 1, …k]; B, scale, mean, var [C]; one floating-point type throughout. */
function bodyOf({ condition, trainable }: Variant): Body {
  const parameters = (n = '') => (trainable ? [`W${n}`, `scale${n}`, `B${n}`, `mean${n}`, `var${n}`] : [`W${n}`, `B${n}`]);
  const branch = (result: string, n = '') =>
    trainable ? [conv(`${result}_C`, `W${n}`, n), norm(result, `${result}_C`, n)] : [conv(result, `W${n}, B${n}`, n)];
  if (condition === 'conv')
    return {
      inputs: parameters(),
      attributes: oneWindow,
      lines: trainable ? [conv('T', 'W'), norm('N', 'T')] : branch('T'),
      results: [trainable ? 'N' : 'T'],
    };
  if (condition === 'light-sum' || condition === 'light-max') {
    const lines = [...branch('T'), ...branch('T2', '_2')];
    const both = { inputs: [...parameters(), ...parameters('_2')], attributes: twoWindows };
    if (condition === 'light-max') return { ...both, lines, results: ['T', 'T2'] };
    return { ...both, lines: [...lines, '  S = Add (T, T2)'], results: ['S'] };
  }
  const pool =
    condition === 'max-pool'
      ? '  T = MaxPool <kernel_shape: ints = @kernel_shape, pads: ints = @pads, strides: ints = [1, 1]> (X)'
      : '  T = AveragePool <count_include_pad: int = 1, kernel_shape: ints = @kernel_shape, pads: ints = @pads, strides: ints = [1, 1]> (X)';
  return {
    inputs: trainable ? ['scale', 'B', 'mean', 'var'] : [],
    attributes: ['kernel_shape', 'pads'],
    lines: trainable ? [pool, norm('N', 'T')] : [pool],
    results: [trainable ? 'N' : 'T'],
  };
}

/** `FReLU` for the funnel itself; `SumFReLULightMaxWithBatchNorm` and the like for its relatives. */
export function functionName({ condition, combine, trainable }: Variant, spatialRank = 2): string {
  const kind = condition === 'conv' ? '' : condition.replace(/(^|-)(.)/g, (_, __, letter: string) => letter.toUpperCase());
  return `${combine === 'sum' ? 'Sum' : ''}FReLU${kind}${trainable ? 'WithBatchNorm' : ''}${spatialRank === 2 ? '' : `${spatialRank}D`}`;
}

const cache = new Map<string, FunctionDef>();

/**
 * Funnel Activation, y = max(x, T(x)) with T of the size of x ("Funnel Activation for Visual Recognition", Ma, Zhang, Sun, ECCV 2020),
 * or a relative of it, as a model-local function written in operator set `opset`. Spatial rank 2 unless said otherwise.
 *
 * T comes first in Max: ONNX Runtime's CPU kernel then returns Relu's bits where T is 0, signed zeros included but for the last few elements of a tensor.
 */
export function freluFunction(opset: number, variant: Partial<Variant> = {}, spatialRank = 2): FunctionDef {
  const whole: Variant = { condition: 'conv', combine: 'max', trainable: false, ...variant };
  const { inputs, attributes, lines, results } = bodyOf(whole);
  const sum = results.length > 1 ? [`  M = Max (${results.join(', ')})`, '  Y = Add (X, M)'] : [`  Y = Add (X, ${results[0]})`];
  const combined = whole.combine === 'max' ? [`  Y = Max (${[...results, 'X'].join(', ')})`] : sum;
  const strides = `strides: ints = [${new Array<number>(spatialRank).fill(1)}]`.replaceAll(',', ', ');
  const text = `<domain: "${DOMAIN}", opset_import: ["" : ${opset}]>
${functionName(whole, spatialRank)} <${attributes.join(', ')}> (${['X', ...inputs].join(', ')}) => (Y) {
${[...lines, ...combined].join('\n').replaceAll('strides: ints = [1, 1]', strides)}
}`;
  let f = cache.get(text);
  if (!f) {
    f = parseFunction(text);
    cache.set(text, f);
  }
  return f;
}

export const isFunnelFunction = (f: { readonly domain: string }): boolean => f.domain === DOMAIN;

/** The window of a funnel: odd sizes, one per spatial axis. */
export interface Window {
  readonly kernel_shape: readonly number[];
  readonly dilations: readonly number[];
}

/** Pads [begin…, end…] that keep the size. */
export function samePads({ kernel_shape, dilations }: Window): number[] {
  const half = kernel_shape.map((k, i) => (dilations[i]! * (k - 1)) / 2);
  return [...half, ...half];
}

/** The attributes that a call of the function gives: those of its convolutions, or of its pool. */
export function freluAttributes(windows: readonly Window[], group: number | undefined): Record<string, Attribute> {
  const ints = (value: readonly number[]): Attribute => ({ type: 'ints', value: value.map(BigInt) });
  const [first, second] = windows;
  return {
    ...(group !== undefined && { dilations: ints(first!.dilations), group: { type: 'int', value: BigInt(group) } as const }),
    kernel_shape: ints(first!.kernel_shape),
    pads: ints(samePads(first!)),
    ...(second && { dilations_2: ints(second.dilations), kernel_shape_2: ints(second.kernel_shape), pads_2: ints(samePads(second)) }),
  };
}
