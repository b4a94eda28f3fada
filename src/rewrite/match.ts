import type { Attribute } from '../ir/attribute.ts';
import type { Node } from '../ir/node.ts';
import type { Use, Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type ReasonCode, Refusal } from './refusal.ts';

interface Binding {
  readonly what: Value | Node | undefined;
  readonly seen: unknown;
}

interface State {
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly nodes: ReadonlySet<Node>;
  readonly misses: readonly Refusal[];
}

/** The state of one attempt to match: bindings, the nodes it consumes (root first), and conditions that failed. */
export class Match {
  #bindings = new Map<string, Binding>();
  #nodes = new Set<Node>();
  #misses: Refusal[] = [];
  readonly #known = new Map<Tensor, Value>();

  /** The nodes that the match consumes, root first. */
  get nodes(): readonly Node[] {
    return [...this.#nodes];
  }
  /** Whether a matched node goes when the root is replaced: nothing uses it but what goes itself. */
  goes(node: Node): boolean {
    const [root] = this.#nodes;
    const isInner = (use: Use) => use.kind === 'operand' && this.#nodes.has(use.node) && this.goes(use.node);
    return node === root || node.outputs.every(o => [...o.uses].every(isInner));
  }
  /** The condition that failed: one that the whole computation is another comes before those of its parts. */
  get refusal(): Refusal | undefined {
    return this.#misses.find(miss => miss.code === 'E_FORM') ?? this.#misses[0];
  }

  /** Binds a capture; a name bound before must stand for the same value. */
  bind(name: string, what: Value | Node | undefined, seen: unknown): boolean {
    const old = this.#bindings.get(name);
    if (old) return old.what === what;
    this.#bindings.set(name, { what, seen });
    return true;
  }

  captures(): Record<string, unknown> {
    return Object.fromEntries([...this.#bindings].map(([name, { seen }]) => [name, seen]));
  }

  /** Notes a condition that failed. */
  miss(code: ReasonCode, detail: string): void {
    this.#misses.push(new Refusal(code, detail));
  }

  /** Remembers which value a captured tensor is: passing the tensor on means passing the value on. */
  know(tensor: Tensor, value: Value): void {
    this.#known.set(tensor, value);
  }
  valueOf(tensor: Tensor): Value | undefined {
    return this.#known.get(tensor);
  }

  /** A matched node's attribute with this plain value, so that an untouched attribute is passed on as it is. */
  attributesNamed(name: string): Attribute[] {
    return this.nodes.flatMap(n => n.attributes.get(name) ?? []);
  }

  /** Takes nodes into the match, root first, and checks each in the knowledge of all of them: one may use another twice. */
  consumeAll(nodes: readonly Node[]): void {
    for (const node of nodes) this.#nodes.add(node);
    for (const node of nodes) this.consume(node, node.outputs[0]!, false);
  }

  /** Takes a node into the match and checks what every rule would have to check. */
  consume(node: Node, value: Value, shared: boolean): void {
    const [root] = this.#nodes;
    this.#nodes.add(node);
    for (const attribute of node.attributes.values())
      if (attribute.type === 'reference') this.miss('E_REFERENCE', `@${attribute.value} is given by the caller`);
    for (const extra of node.outputs.slice(1))
      if (extra.uses.size > 0) this.miss('E_MULTI_USE', `the further output ${extra.name} is used`);
    if (!root || node === root) return;
    if (node.graph !== root.graph) this.miss('E_SUBGRAPH', `${value.name} is computed outside the nested graph that uses it`);
    if (shared) return;
    for (const use of value.uses) {
      if (use.kind === 'output') this.miss('E_GRAPH_OUTPUT', `${value.name} is an output of the graph too`);
      else if (!this.#nodes.has(use.node)) this.miss('E_MULTI_USE', `${value.name} has other uses`);
    }
  }

  /** Tries alternatives and keeps the best: one that matches cleanly, else one whose operators are there. */
  attempt(...alternatives: readonly (() => boolean)[]): boolean {
    const start = this.#save();
    let near: State | undefined;
    for (const alternative of alternatives) {
      this.#restore(start);
      if (!alternative()) continue;
      if (this.#misses.length === start.misses.length) return true;
      near ??= this.#save();
    }
    this.#restore(near ?? start);
    return near !== undefined;
  }

  #save(): State {
    return { bindings: new Map(this.#bindings), nodes: new Set(this.#nodes), misses: [...this.#misses] };
  }
  #restore(state: State): void {
    this.#bindings = new Map(state.bindings);
    this.#nodes = new Set(state.nodes);
    this.#misses = [...state.misses];
  }
}
