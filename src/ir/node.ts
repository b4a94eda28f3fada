import { keepsShapes } from '../ops/facts.ts';
import type { Attribute } from './attribute.ts';
import type { Graph } from './graph.ts';
import { type Use, Value, type ValueType } from './value.ts';

/** Which operator: `version` is the since-version that the model's opset import selects; undefined where the table does not know the operator. */
export interface Op {
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly name: string;
  /** Which of several functions of one name; nearly always empty. */
  readonly overload: string;
  readonly version: number | undefined;
}

/** What a new node may be given besides operator, inputs and outputs. */
export interface NodeExtras {
  readonly name?: string;
  readonly attributes?: ReadonlyMap<string, Attribute>;
  readonly metadata?: ReadonlyMap<string, string>;
  readonly origin?: object | undefined;
}

export interface Result {
  readonly name: string;
  readonly type?: ValueType | undefined;
}

/** One application of an operator. An absent optional input is undefined; an absent output has an empty name. */
export class Node {
  readonly op: Op;
  readonly name: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly outputs: readonly Value[];
  /** What the file said about this node beyond the IR (doc string, unknown fields); owned by serde. */
  readonly origin: object | undefined;
  /** The graph this node is in; undefined while detached. */
  graph: Graph | undefined;
  /** Neighbours in the graph's list. @internal */
  previous: Node | undefined;
  /** @internal */
  next: Node | undefined;
  readonly #inputs: (Value | undefined)[] = [];
  readonly #uses: (Use | undefined)[] = [];

  constructor(op: Op, inputs: readonly (Value | undefined)[], outputs: readonly Result[], extras: NodeExtras = {}) {
    this.op = op;
    this.name = extras.name ?? '';
    this.attributes = extras.attributes ?? new Map();
    this.metadata = extras.metadata ?? new Map();
    this.origin = extras.origin;
    for (const [i, value] of inputs.entries()) this.setInput(i, value);
    for (const body of this.subgraphs()) body.isLoop = !keepsShapes(op);
    this.outputs = outputs.map(({ name, type }, index) => new Value({ kind: 'result', node: this, index }, name, type));
  }

  get inputs(): readonly (Value | undefined)[] {
    return this.#inputs;
  }

  /** Connects input `index` to `value`, or leaves it absent. */
  setInput(index: number, value: Value | undefined): void {
    const old = this.#uses[index];
    if (old) Value.unlink(this.#inputs[index]!, old);
    this.#inputs[index] = value;
    this.#uses[index] = value && { kind: 'operand', node: this, index };
    if (value) Value.link(value, this.#uses[index]!);
  }

  /** The bodies of If, Loop, Scan and their like. */
  *subgraphs(): Generator<Graph> {
    for (const attribute of this.attributes.values()) {
      if (attribute.type === 'graph') yield attribute.value;
      if (attribute.type === 'graphs') yield* attribute.value;
    }
  }

  /** Lets go of every input, of nested nodes too: a node that leaves its graph for good uses nothing. @internal */
  release(): void {
    for (const i of this.#inputs.keys()) this.setInput(i, undefined);
    for (const graph of this.subgraphs()) graph.release();
  }
}

/** The name a person finds a node by: its own, or that of its first result. */
export function labelOf(node: Node): string {
  return node.name || node.outputs.find(o => o.name !== '')?.name || node.op.name;
}
