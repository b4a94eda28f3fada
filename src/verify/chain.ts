import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { outerOperands } from '../ir/operands.ts';
import type { Value } from '../ir/value.ts';
import type { Runtime, SessionOptions, Tensors } from '../runtime/session.ts';
import { encodePieces } from '../serde/model-file.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Cut, cut, fixedTensor } from './cut.ts';

/** Where the values are that something is fed with. */
export interface Given {
  get(value: Value): Tensor | undefined;
}

/** Runs a cut on what its inputs are; the results come under the values they stand for. @throws RuntimeFailure */
export async function runCut(
  runtime: Runtime,
  { model, inputs, outputs }: Cut,
  options: SessionOptions,
  given: Given,
): Promise<ReadonlyMap<Value, Tensor>> {
  // A part may have no node for the provider that the whole has many for.
  const session = await runtime.open({ pieces: encodePieces(model, { inline: true }) }, { ...options, placement: false });
  try {
    const feeds: Tensors = Object.fromEntries([...inputs].map(([value, name]) => [name, given.get(value)!]));
    const found = await session.run(feeds, [...outputs.values()]);
    return new Map([...outputs].map(([value, name]) => [value, found[name]!]));
  } finally {
    await session.close();
  }
}

/** The nodes that compute `targets`, in no order, going no further back than values that `isKnown`. */
export function nodesBehind(targets: Iterable<Value>, isKnown: (value: Value) => boolean): Set<Node> {
  const found = new Set<Node>();
  const pending = [...targets].flatMap(v => v.producer ?? []);
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    for (const operand of outerOperands(node))
      if (operand.producer && !fixedTensor(operand) && !isKnown(operand)) pending.push(operand.producer);
  }
  return found;
}

/** The nodes of a model's main graph, each with its place in topological order. */
export function orderOf(model: Model): Map<Node, number> {
  return new Map([...model.graph.nodes()].map((node, i) => [node, i]));
}

export const sorted = (nodes: Iterable<Node>, order: ReadonlyMap<Node, number>): Node[] =>
  [...nodes].sort((x, y) => order.get(x)! - order.get(y)!);

/**
 * A model that is run in pieces: each node once, holding of its values only those that are still needed.
 * Values that can't cross the runtime's border (sequences, and what has no known type) are computed again where they are needed.
 */
export class Chain {
  readonly #runtime: Runtime;
  readonly #model: Model;
  readonly #options: SessionOptions;
  readonly #order: Map<Node, number>;
  readonly #values = new Map<Value, Tensor>();
  /** How many nodes, and others, still need a value. */
  readonly #needs = new Map<Value, number>();
  readonly #done = new Set<Node>();
  readonly #targets: ReadonlySet<Value>;
  /** The nodes that use a value, in nested graphs too, among those that will be run. */
  readonly #users = new Map<Value, Node[]>();

  constructor(runtime: Runtime, model: Model, options: SessionOptions, feeds: Tensors, targets: readonly Value[]) {
    this.#runtime = runtime;
    this.#model = model;
    this.#options = options;
    this.#order = orderOf(model);
    for (const input of model.graph.inputs) {
      const fed = feeds[input.name];
      if (fed) this.#values.set(input, fed);
    }
    this.#targets = new Set(targets);
    for (const node of nodesBehind(targets, () => false)) {
      for (const operand of new Set(outerOperands(node))) {
        this.hold(operand);
        this.#users.set(operand, [...(this.#users.get(operand) ?? []), node]);
      }
    }
  }

  get(value: Value): Tensor | undefined {
    return this.#values.get(value);
  }

  /** Whether someone will ask for a value when some nodes have run: nodes that are not among them, or who wants it for itself. */
  #isWanted(value: Value, inside: ReadonlySet<Node>): boolean {
    return this.#targets.has(value) || (this.#users.get(value)?.some(user => !inside.has(user)) ?? false);
  }

  /** Bytes of all values that are held. */
  get bytes(): number {
    return [...this.#values.values()].reduce((sum, t) => sum + (t.byteLength ?? 0), 0);
  }

  /** Keeps a value until it is let go as often. */
  hold(value: Value): void {
    this.#needs.set(value, (this.#needs.get(value) ?? 0) + 1);
  }
  letGo(value: Value): void {
    const left = (this.#needs.get(value) ?? 0) - 1;
    this.#needs.set(value, left);
    if (left <= 0) this.#values.delete(value);
  }

  /** Computes some values, and whatever they take. @throws RuntimeFailure */
  async compute(targets: readonly Value[]): Promise<void> {
    const missing = targets.filter(v => !this.#values.has(v));
    if (missing.length === 0) return;
    const nodes = sorted(
      nodesBehind(missing, v => this.#values.has(v)),
      this.#order,
    );
    const inside = new Set(nodes);
    const needed = new Set(missing);
    for (const node of nodes)
      for (const value of node.outputs) if (isTensor(value) && !this.#values.has(value) && this.#isWanted(value, inside)) needed.add(value);
    const part = cut(this.#model, nodes, this.#values, [...needed]);
    for (const [value, tensor] of await runCut(this.#runtime, part, this.#options, this.#values)) this.#values.set(value, tensor);
    for (const node of nodes) {
      if (this.#done.has(node)) continue;
      this.#done.add(node);
      // What is computed again, because its result could not be kept, needs its operands again.
      if (node.outputs.every(v => v.name === '' || isTensor(v))) for (const operand of new Set(outerOperands(node))) this.letGo(operand);
    }
  }
}

/** Whether a value can cross the runtime's border. */
export function isTensor(value: Value): boolean {
  return value.name !== '' && value.dtype !== undefined && value.dtype !== 'undefined';
}
