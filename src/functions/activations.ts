import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import type { Match } from '../rewrite/match.ts';
import { Pattern, type RootPattern } from '../rewrite/pattern.ts';
import type { DType } from '../tensor/dtype.ts';
import { Spelling } from './spelled.ts';

/** What is read of an activation: its operand, what its gate is, and the element type where something tells. */
export interface Gated<T> {
  readonly x: Value;
  readonly form: T;
  readonly dtype: DType | undefined;
}

/** An activation of x that is a product with x: what is left of it reads as `form`. */
export type Gate<T> = (gate: Value, x: Value, scale: number, s: Spelling) => T | undefined;

/** x · gate(x) with whatever factor, at an operator; what the gate is said to be is captured, as `gated`. */
export function gated<T>(op: 'Mul' | 'Div', gateOf: Gate<T>): RootPattern<{ gated: Gated<T> }> {
  return new (class extends Pattern<{ gated: Gated<T> }> {
    readonly op = op;
    match(value: Value | undefined, m: Match): boolean {
      const root = value?.producer;
      if (root?.op.name !== op || root.op.domain !== '') return false;
      const found = read(root, gateOf);
      if (!found) return false;
      m.consumeAll(found.nodes);
      return m.bind('gated', value, found);
    }
  })();
}

function read<T>(root: Node, gateOf: Gate<T>): (Gated<T> & { readonly nodes: readonly Node[] }) | undefined {
  for (const order of [0, 1]) {
    const s = new Spelling(root);
    const { scale, factors } = s.result ?? { scale: 0, factors: [] };
    const [x, gate] = [factors[order], factors[1 - order]];
    const form = factors.length === 2 && x && gate ? gateOf(gate, x, scale, s) : undefined;
    if (x && form !== undefined && s.keepsShape(x)) return { x, form, dtype: s.dtypeOf(x), nodes: s.nodes };
  }
  return undefined;
}

/** max(0, min(1, x/6 + 1/2)), however it is scaled. */
export const hardSwishGate: Gate<true> = (gate, x, scale, s) => {
  const sigmoid = s.hardSigmoid(gate);
  if (sigmoid) return sigmoid.of === x && s.near(scale, 1) && s.near(sigmoid.alpha, 1 / 6) && s.near(sigmoid.beta, 0.5) ? true : undefined;
  const clamp = s.clamp(gate);
  const line = clamp && s.affine(clamp.of);
  if (!line || !isAll(line.factors, x, 1) || clamp.low !== 0) return undefined;
  const fits = s.near(scale * clamp.high, 1) && s.near(scale * line.scale, 1 / 6) && s.near(scale * line.offset, 0.5);
  return fits ? true : undefined;
};

/** (1 + erf(x/√2)) / 2, or (1 + tanh(√(2/π) · (x + 0.044715·x³))) / 2. */
export const geluGate: Gate<'none' | 'tanh'> = (gate, x, scale, s) => {
  const line = s.affine(gate);
  const [inner] = line?.factors ?? [];
  if (!line || !inner || line.factors.length !== 1 || !s.near(scale * line.offset, 0.5) || !s.near(scale * line.scale, 0.5))
    return undefined;
  const erf = s.operandOf(inner, 'Erf');
  const u = erf && s.product(erf);
  if (u) return isAll(u.factors, x, 1) && s.near(u.scale, Math.SQRT1_2) ? 'none' : undefined;
  const tanh = s.operandOf(inner, 'Tanh');
  const v = tanh && s.product(tanh);
  return v && s.near(v.scale, Math.sqrt(2 / Math.PI)) && isCubic(v.factors, x, s) ? 'tanh' : undefined;
};

/** x + 0.044715·x³, or x · (1 + 0.044715·x²). */
function isCubic(factors: readonly Value[], x: Value, s: Spelling): boolean {
  const part = factors.find(f => f !== x) ?? x;
  const [first, second] = factors.length === 1 ? (s.sum(part) ?? []) : [];
  if (first && second) {
    const cube = s.product(first === x ? second : first);
    return (first === x || second === x) && cube !== undefined && isAll(cube.factors, x, 3) && s.near(cube.scale, 0.044715);
  }
  const square = factors.length === 2 && factors.includes(x) ? s.affine(part) : undefined;
  return square !== undefined && s.near(square.offset, 1) && isAll(square.factors, x, 2) && s.near(square.scale, 0.044715);
}

/** 1 / (1 + exp(−alpha·x)). */
export const swishGate: Gate<number> = (gate, x, scale, s) => {
  const u = s.operandOf(gate, 'Sigmoid');
  const line = u && s.product(u);
  return line && isAll(line.factors, x, 1) && scale === 1 ? line.scale : undefined;
};

const isAll = (factors: readonly Value[], x: Value, count: number) => factors.length === count && factors.every(f => f === x);
