import type { DType } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Graph } from './graph.ts';
import type { Node } from './node.ts';

/** A dimension: a size, a symbol such as `N`, or unknown. */
export type Dim = number | string | undefined;

export interface TensorType {
  readonly kind: 'tensor' | 'sparse';
  readonly dtype: DType;
  /** Undefined when even the rank is unknown. */
  readonly shape: readonly Dim[] | undefined;
}

export type ValueType =
  | TensorType
  | { readonly kind: 'sequence' | 'optional'; readonly of: ValueType }
  | { readonly kind: 'map'; readonly key: DType; readonly of: ValueType }
  /** A type that this IR does not model (opaque types, newer ones): carried, not read. */
  | { readonly kind: 'other' };

/** A value has exactly one definition. */
export type Definition =
  /** A graph or function input. `fallback` is the initializer that the caller may override: never folded by accident. */
  | { readonly kind: 'input'; readonly fallback?: Tensor }
  | { readonly kind: 'constant'; readonly tensor: Tensor }
  | { readonly kind: 'result'; readonly node: Node; readonly index: number }
  /** A sparse initializer: carried, not read. */
  | { readonly kind: 'sparse'; readonly origin: object };

/** A place that needs a value: a node's input, or a graph's output. */
export type Use =
  | { readonly kind: 'operand'; readonly node: Node; readonly index: number }
  | { readonly kind: 'output'; readonly graph: Graph; readonly index: number };

/** What flows along an edge. A value's identity is the object; its name is a label that matters at the model's edge. */
export class Value {
  readonly definition: Definition;
  name: string;
  /** The declared type. */
  type: ValueType | undefined;
  /** What is known of the type beyond its declaration; never written. */
  inferred: TensorType | undefined;
  /** What a value that depends on constants alone was found to be; never written. */
  evaluated: Tensor | undefined;
  /** What the file said about this value beyond the IR (denotations, unknown fields); owned by serde. */
  origin: object | undefined;
  #owner: Graph | undefined;
  readonly #uses = new Set<Use>();

  constructor(definition: Definition, name: string, type?: ValueType, origin?: object) {
    this.definition = definition;
    this.name = name;
    this.type = type;
    this.origin = origin;
  }

  /** Every use, in nested graphs too. */
  get uses(): ReadonlySet<Use> {
    return this.#uses;
  }
  /** The node that computes this value. */
  get producer(): Node | undefined {
    return this.definition.kind === 'result' ? this.definition.node : undefined;
  }
  /** The graph whose scope this value lives in; undefined while it is in none. */
  get owner(): Graph | undefined {
    return this.definition.kind === 'result' ? this.definition.node.graph : this.#owner;
  }
  set owner(graph: Graph | undefined) {
    this.#owner = graph;
  }
  /** The tensor, when the definition is an initializer that no caller can override. Constant nodes: see `constantOf`. */
  get constant(): Tensor | undefined {
    return this.definition.kind === 'constant' ? this.definition.tensor : undefined;
  }
  /** The shape, when this is a tensor of known rank: a size where one is declared or inferred, else a symbol. */
  get shape(): readonly Dim[] | undefined {
    const declared = this.type?.kind === 'tensor' ? this.type.shape : undefined;
    const inferred = this.inferred?.shape;
    if (!declared || !inferred || declared.length !== inferred.length) return inferred ?? declared;
    return declared.map((dim, i) => (typeof dim === 'number' ? dim : typeof inferred[i] === 'number' ? inferred[i] : (dim ?? inferred[i])));
  }
  /**
   * The shape, where it can be relied on: that of a constant, of a model's input as declared, of a result as inferred. A file may declare
   * anything of a result; what a loop hands on may change its shape from one round to the next.
   */
  get sureShape(): readonly Dim[] | undefined {
    const { kind } = this.definition;
    return kind === 'result' || (kind === 'input' && this.owner?.isLoop) ? this.inferred?.shape : this.shape;
  }
  /** The element type, when this is a tensor. */
  get dtype(): DType | undefined {
    return this.constant?.dtype ?? this.inferred?.dtype ?? (this.type?.kind === 'tensor' ? this.type.dtype : undefined);
  }

  /** How many uses have come and gone, of all values there are: as long as it stays, no graph has changed. */
  static edits = 0;

  /** For Node and Graph, which own the two ends of a use. @internal */
  static link(value: Value, use: Use): void {
    value.#uses.add(use);
    Value.edits++;
  }
  /** @internal */
  static unlink(value: Value, use: Use): void {
    value.#uses.delete(use);
    Value.edits++;
  }
}
