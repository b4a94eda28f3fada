import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { type DType, isFloat } from '../tensor/dtype.ts';

/** scale · f₁ · f₂ · … */
export interface Product {
  readonly scale: number;
  readonly factors: readonly Value[];
}

/** offset + scale · f₁ · f₂ · … */
export interface Affine extends Product {
  readonly offset: number;
}

/** max(low, min(high, of)) */
export interface Clamp {
  readonly low: number;
  readonly high: number;
  readonly of: Value;
}

/** Relative error of a constant of a type that stands for another number: a few roundings. */
const precisions: Readonly<Record<string, number>> = { double: 2 ** -50, float: 2 ** -21, float16: 2 ** -9, bfloat16: 2 ** -6 };

/** A product of more is no activation. */
const MOST_FACTORS = 4;

/**
 * Reads an activation function of one value spelled out in arithmetic, in whatever order. What has another use is not read through: it
 * has to be there anyway. Constants are single numbers.
 */
export class Spelling {
  readonly #root: Node;
  readonly #nodes = new Set<Node>();
  /** The element type of the constants. */
  #dtype: DType | undefined;
  #rank = 0;

  constructor(root: Node) {
    this.#root = root;
  }

  /** The nodes that were read, root first. */
  get nodes(): readonly Node[] {
    return [...this.#nodes];
  }

  /** The root's result as a product. */
  get result(): Product | undefined {
    return this.product(this.#root.outputs[0]!);
  }

  /** The element type that x has, and so all of it; undefined where nothing tells. */
  dtypeOf(x: Value): DType | undefined {
    return x.dtype ?? this.#dtype;
  }

  /** Whether the constants leave x's shape alone. */
  keepsShape(x: Value): boolean {
    return this.#rank === 0 || (x.sureShape !== undefined && x.sureShape.length >= this.#rank);
  }

  /** Whether a number that was read is another one, but for the rounding of the constants it is made of. */
  near(read: number, wanted: number): boolean {
    return Math.abs(read - wanted) <= Math.abs(wanted) * (precisions[this.#dtype ?? 'float'] ?? 0);
  }

  product(value: Value): Product | undefined {
    const factors: Value[] = [];
    let scale = 1;
    const pending = [value];
    for (let next = pending.pop(); next; next = pending.pop()) {
      const known = this.#number(next);
      const node = this.#inner(next, 'Mul', 'Div', 'Pow');
      const [first, second] = (node?.inputs ?? []) as Value[];
      const operand = node && node.op.name !== 'Mul' ? this.#number(second) : undefined;
      if (known !== undefined) scale *= known;
      else if (node?.op.name === 'Mul') pending.push(second!, first!);
      else if (node?.op.name === 'Div' && operand !== undefined) {
        scale /= operand;
        pending.push(first!);
      } else if (node?.op.name === 'Pow' && (operand === 2 || operand === 3)) factors.push(...Array(operand).fill(first));
      else factors.push(next);
      if (factors.length + pending.length > MOST_FACTORS) return undefined;
    }
    return Number.isFinite(scale) ? { scale, factors } : undefined;
  }

  /** A product, or the sum of one and a number. */
  affine(value: Value): Affine | undefined {
    const node = this.#inner(value, 'Add', 'Sub');
    const [a, b] = (node?.inputs ?? []) as Value[];
    const [left, right] = [this.#number(a), this.#number(b)];
    if (right !== undefined) {
      const rest = this.product(a!);
      return rest && { ...rest, offset: node!.op.name === 'Sub' ? -right : right };
    }
    if (left !== undefined && node!.op.name === 'Add') {
      const rest = this.product(b!);
      return rest && { ...rest, offset: left };
    }
    const whole = this.product(value);
    return whole && { ...whole, offset: 0 };
  }

  /** The two operands of an Add. */
  sum(value: Value): readonly [Value, Value] | undefined {
    return this.#inner(value, 'Add')?.inputs as [Value, Value] | undefined;
  }

  /** The operand of an operator that has one. */
  operandOf(value: Value, op: string): Value | undefined {
    return this.#inner(value, op)?.inputs[0];
  }

  /** max(0, min(1, alpha · x + beta)). */
  hardSigmoid(value: Value): (Clamp & { readonly alpha: number; readonly beta: number }) | undefined {
    const node = this.#inner(value, 'HardSigmoid');
    if (!node) return undefined;
    const { alpha, beta } = attrsOf(node, 'HardSigmoid');
    return { alpha, beta, low: 0, high: 1, of: node.inputs[0]! };
  }

  /** A Clip to numbers, or the Min and Max or Relu that do the same. */
  clamp(value: Value): Clamp | undefined {
    const clip = this.#inner(value, 'Clip');
    if (clip) {
      const [low, high] = [this.#number(clip.inputs[1]), this.#number(clip.inputs[2])];
      return low === undefined || high === undefined ? undefined : { low, high, of: clip.inputs[0]! };
    }
    const outer = this.#bound(value);
    const inner = outer && this.#bound(outer.of);
    if (!inner || outer.low === inner.low) return undefined;
    const [low, high] = outer.low ? [outer.at, inner.at] : [inner.at, outer.at];
    return low <= high ? { low, high, of: inner.of } : undefined;
  }

  #bound(value: Value): { readonly low: boolean; readonly at: number; readonly of: Value } | undefined {
    const relu = this.operandOf(value, 'Relu');
    if (relu) return { low: true, at: 0, of: relu };
    const node = this.#inner(value, 'Max', 'Min');
    if (node?.inputs.length !== 2) return undefined;
    const [a, b] = node.inputs as [Value, Value];
    const [left, right] = [this.#number(a), this.#number(b)];
    const at = right ?? left;
    return at === undefined ? undefined : { low: node.op.name === 'Max', at, of: right === undefined ? b : a };
  }

  /** The node behind a value that nothing else uses (or the root), where it is one of these operators. */
  #inner(value: Value, ...ops: readonly string[]): Node | undefined {
    const node = value.producer;
    if (node?.op.domain !== '' || !ops.includes(node.op.name) || node.inputs.includes(undefined) || value !== node.outputs[0])
      return undefined;
    if (node !== this.#root && (value.uses.size !== 1 || node.graph !== this.#root.graph)) return undefined;
    this.#nodes.add(node);
    return node;
  }

  #number(value: Value | undefined): number | undefined {
    const tensor = constantOf(value);
    if (tensor?.size !== 1 || !isFloat(tensor.dtype)) return undefined;
    this.#rank = Math.max(this.#rank, tensor.rank);
    this.#dtype = tensor.dtype;
    return tensor.numbers()[0];
  }
}
