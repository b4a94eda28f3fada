import type { Attribute } from '../ir/attribute.ts';
import type { FunctionDef } from '../ir/model.ts';
import type { Arg, Builder } from '../rewrite/builder.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import { parseFunction } from '../text/parse.ts';
import type { Form } from './forms.ts';
import { convolution, DOMAIN, oneWindow } from './frelu.ts';

/** The operator that a quantised funnel ends with, under its display name. */
export type Join = 'Max' | 'Add' | 'com.microsoft.QLinearAdd';

/** A funnel as a quantiser leaves it. */
export interface Kind {
  /** The function it is fused into. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly body: string;
  /** The operators that x goes through, the convolution first, before it meets x again. */
  readonly steps: readonly string[];
  readonly join: Join;
}

/** Inputs of the functions, in order: x and its grid, the convolution, the grids of what it gives, of that after Relu, and of y. */
const X = ['X', 'X_scale', 'X_zero_point'];
const formals = [...X, 'W', 'W_scale', 'W_zero_point', 'B', ...['', '_2'].flatMap(n => [`scale${n}`, `zero_point${n}`])].concat(
  'Y_scale',
  'Y_zero_point',
);

const kind = (name: string, lines: readonly string[], last: string): Kind => {
  const body = [...lines, `Y = ${last}`].map(line => `  ${line}`).join('\n');
  const operatorOf = (text: string) => /^[\w.]+/.exec(text)![0];
  const steps = lines.filter(line => line !== floatX).map(line => operatorOf(line.split(' = ')[1]!));
  return { name, inputs: formals.filter(f => new RegExp(`\\b${f}\\b`).test(body)), body, steps, join: operatorOf(last) as Join };
};

const floatX = `F = DequantizeLinear (${X.join(', ')})`;
const dequantise = 'T = DequantizeLinear (Q, scale, zero_point)';
const relu = 'R = Relu (T)';
const quantiseAgain = 'Q_2 = QuantizeLinear (R, scale_2, zero_point_2)';
const qconv = `Q = ${convolution('QLinearConv', `${X.join(', ')}, W, W_scale, W_zero_point, scale, zero_point, B`)}`;
const qdq = [`C = ${convolution('Conv', 'X, W, B')}`, 'Q = QuantizeLinear (C, scale, zero_point)', dequantise];
const integer = [floatX, qconv, dequantise];
const sum = (q: string, grid: string) => `com.microsoft.QLinearAdd (${X.join(', ')}, ${q}, ${grid}, Y_scale, Y_zero_point)`;

/**
 * What ONNX Runtime's static quantiser makes of max(x, T) and of x + relu(T − x), with Q/DQ pairs and with integer operators. Where
 * the grid begins at 0, rounding to it is Relu too, and the quantiser leaves Relu out.
 *
 * Roundings to a grid are part of what a network computes, so they are part of the bodies. Weights under a DequantizeLinear stay so:
 * a call takes what they are dequantised to.
 */
export const kinds: readonly Kind[] = [
  kind('FReLUQDQ', qdq, 'Max (T, X)'),
  kind('FReLUQDQResidual', qdq, 'Add (X, T)'),
  kind('FReLUQDQReluResidual', [...qdq, relu], 'Add (X, R)'),
  kind('FReLUQDQReluQDQResidual', [...qdq, relu, quantiseAgain, 'T_2 = DequantizeLinear (Q_2, scale_2, zero_point_2)'], 'Add (X, T_2)'),
  kind('FReLUQLinear', integer, 'Max (T, F)'),
  kind('FReLUQLinearDQResidual', integer, 'Add (F, T)'),
  kind('FReLUQLinearReluResidual', [...integer, relu], 'Add (F, R)'),
  kind('FReLUQLinearResidual', [qconv], sum('Q', 'scale, zero_point')),
  kind('FReLUQLinearReluQResidual', [qconv, dequantise, relu, quantiseAgain], sum('Q_2', 'scale_2, zero_point_2')),
];

/** A quantised funnel in a graph, as a call of the function that is its kind. */
export interface QuantisedFunnel {
  readonly kind: Kind;
  readonly operands: readonly Arg[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** It is written as that call already. */
  readonly called: boolean;
}

const cache = new Map<string, FunctionDef>();

export function quantisedFunction(opset: number, { name, inputs, body, join }: Kind): FunctionDef {
  const key = `${name} ${opset}`;
  const foreign = join === 'com.microsoft.QLinearAdd' ? ', "com.microsoft" : 1' : '';
  const f =
    cache.get(key) ??
    parseFunction(`<domain: "${DOMAIN}", opset_import: ["" : ${opset}${foreign}]>
${name} <${oneWindow.join(', ')}> (${inputs.join(', ')}) => (Y) {
${body}
}`);
  cache.set(key, f);
  return f;
}

/** Writes a quantised funnel as a call (`fused`) or as what it was; anything else would round other values than it does. */
export function writeQuantised({ kind, operands, attributes, called }: QuantisedFunnel, form: Form | undefined, op: Builder) {
  const own: Form = kind.join === 'Max' ? 'max' : 'residual';
  const wanted = form ?? own;
  if (wanted === (called ? 'fused' : own)) return undefined;
  if (wanted !== 'fused' && wanted !== own) return refuseQuantised(op, `as ${wanted} it would round other values, so it stays ${own}`);
  return op[wanted === 'fused' ? 'call' : 'inline'](quantisedFunction(op.opset, kind), operands, attributes);
}

/** Leaves a quantised funnel alone. */
export const refuseQuantised = (op: Builder, why: string): Refusal => op.refuse('E_QUANTISED', `it is a quantised FReLU: ${why}`);
