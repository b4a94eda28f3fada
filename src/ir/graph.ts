import type { Tensor } from '../tensor/tensor.ts';
import type { Node } from './node.ts';
import { type Use, Value, type ValueType } from './value.ts';

/**
 * A graph: inputs, constants, nodes in topological order, outputs. Mutable, with one door for change.
 *
 * Nodes are a doubly linked list: O(1) insertion and removal, and safe to edit while walking.
 */
export class Graph {
  name: string;
  readonly inputs: Value[] = [];
  /** Initializers of this graph, used or not. */
  readonly constants = new Set<Value>();
  /** Sparse initializers: carried, not read. */
  readonly sparse = new Set<Value>();
  /** Whether this is the body of a Loop, or the like: what is handed to it may have another shape than its inputs declare. */
  isLoop = false;
  /** What the file said about this graph beyond the IR; owned by serde. */
  origin: object | undefined;
  #first: Node | undefined;
  #last: Node | undefined;
  #size = 0;
  readonly #outputs: Value[] = [];
  readonly #outputUses: Use[] = [];

  constructor(name: string, origin?: object) {
    this.name = name;
    this.origin = origin;
  }

  /** The nodes, in topological order. Removing nodes and inserting them while walking is safe. */
  *nodes(): Generator<Node> {
    // A removed node keeps its `next`, so the walk finds its way back into the list.
    for (let node = this.#first; node; node = node.next) if (node.graph === this) yield node;
  }

  /** The nodes of this graph and of every graph nested in it, outer before inner. */
  *allNodes(): Generator<Node> {
    for (const node of this.nodes()) {
      yield node;
      for (const inner of node.subgraphs()) yield* inner.allNodes();
    }
  }

  /** The nodes, last first. */
  *nodesBackwards(): Generator<Node> {
    for (let node = this.#last; node; node = node.previous) if (node.graph === this) yield node;
  }

  get size(): number {
    return this.#size;
  }
  get outputs(): readonly Value[] {
    return this.#outputs;
  }

  /** Makes `value` output number `index`. */
  setOutput(index: number, value: Value): void {
    const old = this.#outputUses[index];
    if (old) Value.unlink(this.#outputs[index]!, old);
    const use: Use = { kind: 'output', graph: this, index };
    this.#outputs[index] = value;
    this.#outputUses[index] = use;
    Value.link(value, use);
  }

  addInput(name: string, type?: ValueType, fallback?: Tensor): Value {
    const value = new Value(fallback ? { kind: 'input', fallback } : { kind: 'input' }, name, type);
    value.owner = this;
    this.inputs.push(value);
    return value;
  }

  /** Adds an initializer. */
  addConstant(name: string, tensor: Tensor): Value {
    const value = constantValue(name, tensor);
    this.adopt(value);
    return value;
  }

  /** Makes this graph the owner of a constant that no graph owns yet. */
  adopt(value: Value): void {
    value.owner = this;
    this.constants.add(value);
  }

  append(node: Node): void {
    this.insertBefore(undefined, node);
  }

  /** Puts a detached node before `at`, or at the end. */
  insertBefore(at: Node | undefined, node: Node): void {
    const previous = at ? at.previous : this.#last;
    node.graph = this;
    node.previous = previous;
    node.next = at;
    if (previous) previous.next = node;
    else this.#first = node;
    if (at) at.previous = node;
    else this.#last = node;
    this.#size++;
  }

  /** Takes a node out; its results must have no uses left. */
  remove(node: Node): void {
    if (node.previous) node.previous.next = node.next;
    else this.#first = node.next;
    if (node.next) node.next.previous = node.previous;
    else this.#last = node.previous;
    node.graph = undefined;
    this.#size--;
    node.release();
  }

  /** Lets every use of `from` be a use of `to`. */
  replaceUses(from: Value, to: Value): void {
    for (const use of [...from.uses]) {
      if (use.kind === 'operand') use.node.setInput(use.index, to);
      else use.graph.setOutput(use.index, to);
    }
  }

  /** Removes `node` and whatever computed only for it, when nothing uses its results. Constants that lose their last use go too. */
  sweepFrom(node: Node): Node[] {
    const removed: Node[] = [];
    const pending = [node];
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (!next.graph || next.outputs.some(o => o.uses.size > 0)) continue;
      const operands = [...operandsOf(next)];
      next.graph.remove(next);
      removed.push(next);
      for (const value of operands) {
        if (value.uses.size > 0) continue;
        if (value.producer) pending.push(value.producer);
        else if (value.constant) value.owner?.constants.delete(value);
      }
    }
    return removed;
  }

  /** Drops all uses that this graph's nodes and outputs make. @internal */
  release(): void {
    for (const [i, use] of this.#outputUses.entries()) Value.unlink(this.#outputs[i]!, use);
    for (const node of this.nodes()) node.release();
  }
}

/** The values that a node uses, nested graphs included. */
function* operandsOf(node: Node): Generator<Value> {
  for (const value of node.inputs) if (value) yield value;
  for (const graph of node.subgraphs()) {
    yield* graph.outputs;
    for (const inner of graph.nodes()) yield* operandsOf(inner);
  }
}

/** A constant that no graph owns yet. */
export function constantValue(name: string, tensor: Tensor): Value {
  return new Value({ kind: 'constant', tensor }, name, { kind: 'tensor', dtype: tensor.dtype, shape: tensor.dims });
}
