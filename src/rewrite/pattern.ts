import { type Attrs, attrsOf, sameValue } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Graph } from '../ir/graph.ts';
import type { Node } from '../ir/node.ts';
import { displayOp, schemaOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { type OpName, type Ops, operatorNames } from '../ops/schema.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Match } from './match.ts';
import type { ReasonCode } from './refusal.ts';

/** What a pattern binds: capture name → what the rewrite receives. */
export type Captures = Record<string, unknown>;

/**
 * A shape of computation to look for. `match` says whether the operators are there; conditions that fail beyond that (a parameter
 * that is not constant, another use of an inner result) are noted in the match, which turns it into a refusal with its reason.
 */
export abstract class Pattern<out C extends Captures = {}> {
  declare readonly captures: C;
  abstract match(value: Value | undefined, m: Match): boolean;
}

/** A pattern that a rule can begin with: it knows the operator at its root, under its display name. */
export interface RootPattern<out C extends Captures> extends Pattern<C> {
  readonly op: string;
}

/** A captured node: its attributes are typed, and defaulted as its operator's version says. */
export interface Matched<K extends OpName> {
  readonly node: Node;
  readonly attrs: Attrs<K>;
}

class Leaf<C extends Captures> extends Pattern<C> {
  readonly #see: (value: Value | undefined, m: Match) => { readonly seen: unknown } | undefined;
  readonly #name: string | undefined;
  constructor(name: string | undefined, see: (value: Value | undefined, m: Match) => { readonly seen: unknown } | undefined) {
    super();
    this.#name = name;
    this.#see = see;
  }
  match(value: Value | undefined, m: Match): boolean {
    const result = this.#see(value, m);
    if (!result) return false;
    if (this.#name !== undefined && !m.bind(this.#name, value, result.seen))
      m.miss('E_FORM', `${value?.name} stands where another value should stand again`);
    return true;
  }
}

/** Matches anything that is there. */
export function any(): Pattern;
export function any<const N extends string>(name: N): Pattern<{ [K in N]: Value }>;
export function any(name?: string): Pattern<Captures> {
  return new Leaf(name, value => value && { seen: value });
}

/** Matches a value known at compile time, and captures its tensor. An initializer that the caller may override is not one. */
export function constant(): Pattern;
export function constant<const N extends string>(name: N): Pattern<{ [K in N]: Tensor }>;
export function constant(name?: string): Pattern<Captures> {
  return new Leaf(name, (value, m) => {
    if (!value) return undefined;
    const tensor = constantOf(value);
    if (tensor) m.know(tensor, value);
    else if (value.definition.kind === 'input' && value.definition.fallback)
      m.miss('E_OVERRIDABLE', `${value.name} is an initializer that the caller can override; freeze-initializers makes it a constant`);
    else if (value.producer?.inputs.every(v => constantOf(v)))
      m.miss('E_UNFOLDED', `${value.name} is a ${value.producer.op.name} of constants that was not folded`);
    else m.miss('E_DYNAMIC', `${value.name} is computed at run time`);
    return { seen: tensor };
  });
}

/** Matches a value known at compile time, as `constant` does; one that is computed at run time is no match, rather than a refusal. */
export function known<const N extends string>(name: N): Pattern<{ [K in N]: Tensor }> {
  const inner = constant(name);
  return new (class extends Pattern<{ [K in N]: Tensor }> {
    match(value: Value | undefined, m: Match): boolean {
      const overridable = value?.definition.kind === 'input' && value.definition.fallback !== undefined;
      return (constantOf(value) !== undefined || overridable) && inner.match(value, m);
    }
  })();
}

/** Matches the first of several operators that fits; what the others capture is undefined. */
export function either<C extends Captures>(...patterns: readonly RootPattern<C>[]): Pattern<C> {
  return new (class extends Pattern<C> {
    match(value: Value | undefined, m: Match): boolean {
      const op = value?.producer && displayOp(value.producer.op);
      return m.attempt(...patterns.filter(pattern => pattern.op === op).map(pattern => () => pattern.match(value, m)));
    }
  })();
}

/** Matches `inner`, or an input that is not there. */
export function optional<C extends Captures>(inner: Pattern<C>): Pattern<{ [K in keyof C]: C[K] | undefined }> {
  return new (class extends Pattern<{ [K in keyof C]: C[K] | undefined }> {
    match(value: Value | undefined, m: Match): boolean {
      return value === undefined || inner.match(value, m);
    }
  })();
}

interface NodeOptions<K extends OpName> {
  readonly as?: string;
  readonly shared?: boolean;
  readonly variadic?: boolean;
  readonly where?: (node: Node) => boolean;
  readonly taking?: (node: Node) => readonly Node[];
  readonly conditions: readonly { readonly attrs: Partial<Attrs<K>>; readonly code: ReasonCode }[];
}

/** Matches the first result of an operator. */
export class NodePattern<K extends OpName, C extends Captures> extends Pattern<C> {
  readonly op: K;
  readonly #inputs: readonly Pattern<Captures>[];
  readonly #options: NodeOptions<K>;
  constructor(op: K, inputs: readonly Pattern<Captures>[], options: NodeOptions<K> = { conditions: [] }) {
    super();
    this.op = op;
    this.#inputs = inputs;
    this.#options = options;
  }

  /** Captures the node itself. */
  as<const N extends string>(name: N): NodePattern<K, C & { [P in N]: Matched<K> }> {
    return new NodePattern(this.op, this.#inputs, { ...this.#options, as: name }) as never;
  }
  /** Requires these attribute values; an attribute that the node's operator version does not have is no hindrance. */
  with(attrs: Partial<Attrs<K>>, code: ReasonCode = 'E_ATTRIBUTE'): NodePattern<K, C> {
    return new NodePattern(this.op, this.#inputs, { ...this.#options, conditions: [...this.#options.conditions, { attrs, code }] });
  }
  /** Allows the result to be used outside the match too. */
  shared(): NodePattern<K, C> {
    return new NodePattern(this.op, this.#inputs, { ...this.#options, shared: true });
  }

  /** Allows further inputs, of a variadic operator. */
  variadic(): NodePattern<K, C> {
    return new NodePattern(this.op, this.#inputs, { ...this.#options, variadic: true });
  }

  /** Matches only where `test` holds of the node: elsewhere the pattern is not there. */
  where(test: (node: Node) => boolean): NodePattern<K, C> {
    return new NodePattern(this.op, this.#inputs, { ...this.#options, where: test });
  }

  /** Takes in what `find` finds among the nodes before it, too: matches only where that is any. */
  taking(find: (node: Node) => readonly Node[]): NodePattern<K, C> {
    const pattern = this.where(node => find(node).length > 0);
    return new NodePattern(pattern.op, this.#inputs, { ...pattern.#options, taking: find });
  }

  match(value: Value | undefined, m: Match): boolean {
    const node = value?.producer;
    if (!node || node.op.name !== this.op || node.op.domain !== '' || value !== node.outputs[0]) return false;
    if (this.#options.where && !this.#options.where(node)) return false;
    const operands = Math.max(node.inputs.length, this.#inputs.length);
    const matchAll = (inputs: readonly (Value | undefined)[]) =>
      Array.from({ length: operands }).every(
        (_, i) => this.#inputs[i]?.match(inputs[i], m) ?? (inputs[i] === undefined || this.#options.variadic === true),
      );
    const consume = (inputs: readonly (Value | undefined)[]) => {
      this.#check(node, value, m);
      return matchAll(inputs);
    };
    const [first, second] = node.inputs;
    const swappable = operands === 2 && schemaOf(node.op)?.commutes === true;
    return m.attempt(() => consume(node.inputs), ...(swappable ? [() => consume([second, first])] : []));
  }

  #check(node: Node, value: Value, m: Match): void {
    const attrs = attrsOf(node, this.op);
    if (this.#options.as !== undefined) m.bind(this.#options.as, node, { node, attrs } satisfies Matched<K>);
    const versioned = schemaOf(node.op)?.attributes;
    for (const [name, { type }] of node.attributes) {
      const known = versioned?.get(name)?.type;
      if (known !== undefined && type !== known && type !== 'reference') m.miss('E_ATTRIBUTE', `${name} is of type ${type}, not ${known}`);
    }
    for (const { attrs: wanted, code } of this.#options.conditions) {
      for (const name in wanted) {
        if (versioned && !versioned.has(name) && !node.attributes.has(name)) continue;
        if (!sameValue(attrs[name], wanted[name])) m.miss(code, `${name} is ${String(attrs[name])}`);
      }
    }
    m.consume(node, value, this.#options.shared === true);
    for (const inner of this.#options.taking?.(node) ?? []) m.consume(inner, inner.outputs[0]!, false);
  }
}

type CapturesOf<P> = P extends Pattern<infer C> ? C : {};
type Merge<T extends readonly unknown[]> = T extends readonly [infer H, ...infer R] ? CapturesOf<H> & Merge<R> : {};
/** One object type out of an intersection, for readable hints. */
export type Flat<T> = { [K in keyof T]: T[K] } & {};

/** Pattern arguments for formal inputs: `name`, `name?`, `...name`. */
type Args<I extends readonly string[]> = I extends readonly [infer H extends string, ...infer R extends readonly string[]]
  ? H extends `...${string}`
    ? readonly Pattern<Captures>[]
    : H extends `${string}?`
      ? readonly [Pattern<Captures>?, ...Args<R>]
      : readonly [Pattern<Captures>, ...Args<R>]
  : readonly [];

type NodePatterns = {
  readonly [K in OpName]: <const I extends Args<Ops<Graph>[K]['inputs']>>(...inputs: I) => NodePattern<K, Merge<I>>;
};

/** One pattern constructor per ONNX operator: `p.Conv(any('x'), constant('w'))`. */
export const p = Object.fromEntries(
  operatorNames().map(op => [op, (...inputs: Pattern<Captures>[]) => new NodePattern(op, inputs)]),
) as unknown as NodePatterns;
