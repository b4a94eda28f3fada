import { structureOf } from '../inspect/diff-node.ts';
import type { Graph } from '../ir/graph.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { toldBy } from '../rewrite/provenance.ts';
import { fingerprintOf, layoutOf } from '../tensor/fingerprint.ts';
import { fixedTensor } from './cut.ts';

/**
 * Values of B and the values of A that they seem to be, by what is surest:
 *
 * 1. the same operator with the same attributes on the same operands, weights included, computes the same, whatever it is called;
 * 2. an operator with weights that no other of its kind has, in either model, is that one; what computes an output of the model, or an operand
 *    of such a node, is what does so in A, where operator, attributes, and the types of weights are the same;
 * 3. a value of the same name;
 * 4. a result of a node of the same name and operator;
 * 5. the same operator on the same operands, but with other weights of the same types and shapes.
 *
 * Exporters number values, so that one node more gives every later value its neighbour's name. Where 1 or 2 show a name to stand for something else, names
 * that differ from it in their numbers alone say nothing any more.
 */
export function matchValues(a: Graph, b: Graph): Map<Value, Value> {
  const matching = new Matching(a, b);
  let known: number;
  do {
    known = matching.misleading.size;
    matching.run();
  } while (matching.misleading.size > known);
  return matching.twins;
}

/** `/layer1/conv`, `/layer2/conv` → `/layer#/conv` */
const stemOf = (name: string): string => name.replace(/\d+/g, '#');

/** What nodes have to have in common besides operator and attributes: operands and weights; operands and the types of weights; weights; their types. */
type How = 'exact' | 'loose' | 'weights' | 'types';

/** Weights of fewer elements are no one's own. */
const fewest = 16;
const hasWeights = (node: Node): boolean => node.inputs.some(v => v && (fixedTensor(v)?.size ?? 0) >= fewest);

class Matching {
  twins = new Map<Value, Value>();
  /** Stems of names that stand for one thing in A and for another in B. */
  readonly misleading = new Set<string>();
  readonly #b: Graph;
  readonly #results = new Map<string, Value>();
  readonly #labels = new Map<string, Node>();
  readonly #inputs: ReadonlyMap<string, Value>;
  readonly #namesOfB: ReadonlySet<string>;
  readonly #exact = new Index();
  readonly #loose = new Index();
  /** Nodes of B that are those of A, wherever their operands come from. */
  readonly #anchors: ReadonlyMap<Node, Node>;
  readonly #ids = new Map<unknown, number>();
  readonly #contents = new Map<Value, string>();
  #taken = new Set<Node>();

  constructor(a: Graph, b: Graph) {
    this.#b = b;
    this.#inputs = new Map(a.inputs.map(v => [v.name, v]));
    this.#namesOfB = new Set([...b.nodes()].flatMap(node => node.outputs.map(v => v.name)));
    for (const node of a.nodes()) {
      this.#labels.set(labelOf(node), node);
      for (const value of node.outputs) if (value.name !== '') this.#results.set(value.name, value);
      this.#exact.add(this.#keyOf(node, 'exact'), node);
      this.#loose.add(this.#keyOf(node, 'loose'), node);
    }
    this.#anchors = this.#anchorsOf(a, b);
    for (const [node, twin] of this.#anchors) this.#learn(node, twin);
  }

  run(): void {
    this.twins = new Map();
    this.#taken = new Set();
    this.#exact.rewind();
    this.#loose.rewind();
    for (const input of this.#b.inputs) {
      const twin = this.#inputs.get(input.name);
      if (twin) this.twins.set(input, twin);
    }
    for (const node of this.#b.nodes()) {
      const same = this.#exact.find(this.#keyOf(node, 'exact'), this.#namesake(node), this.#isLeft) ?? this.#anchors.get(node);
      if (same) this.#learn(node, same);
      if (same && this.#isLeft(same)) this.#pair(node, same);
      else if (!this.#byName(node))
        this.#pair(node, this.#byLabel(node) ?? this.#loose.find(this.#keyOf(node, 'loose'), undefined, twin => this.#isFree(twin)));
    }
  }

  #anchorsOf(a: Graph, b: Graph): Map<Node, Node> {
    const [ofA, ofB] = [a, b].map(graph => {
      const index = new Index();
      for (const node of graph.nodes()) index.add(this.#keyOf(node, 'weights'), node);
      return index;
    }) as [Index, Index];
    const anchors = new Map<Node, Node>();
    const taken = new Set<Node>();
    const owners: [Node, Node][] = [];
    for (const node of b.nodes()) {
      const key = ofB.keyOf(node)!;
      const twin = ofA.find(key, undefined, () => true);
      if (twin && hasWeights(node) && ofA.count(key) === 1 && ofB.count(key) === 1) owners.push([node, twin]);
    }
    const pending: [Node | undefined, Node | undefined][] = withoutExchanges(owners);
    const outputs = new Map(a.outputs.map(v => [v.name, v.producer]));
    for (const output of b.outputs) pending.push([output.producer, outputs.get(output.name)]);
    for (const [node, twin] of pending) {
      if (!node || !twin || anchors.has(node) || taken.has(twin) || this.#keyOf(node, 'types') !== this.#keyOf(twin, 'types')) continue;
      anchors.set(node, twin);
      taken.add(twin);
      for (const [i, operand] of node.inputs.entries()) pending.push([operand?.producer, twin.inputs[i]?.producer]);
    }
    return anchors;
  }

  readonly #isLeft = (node: Node): boolean => !this.#taken.has(node);

  #namesake(node: Node): Node | undefined {
    return this.#results.get(node.outputs[0]?.name ?? '')?.producer;
  }

  #pair(node: Node, twin: Node | undefined): void {
    if (!twin || this.#taken.has(twin)) return;
    this.#taken.add(twin);
    for (const [i, value] of node.outputs.entries()) if (twin.outputs[i]) this.twins.set(value, twin.outputs[i]);
  }

  /** Notes which names say nothing, where a node is surely the other. */
  #learn(node: Node, twin: Node): void {
    for (const [i, { name }] of node.outputs.entries()) {
      const other = twin.outputs[i]?.name;
      if (!other || name === other) continue;
      if (this.#results.has(name)) this.misleading.add(stemOf(name));
      if (this.#namesOfB.has(other)) this.misleading.add(stemOf(other));
    }
  }

  /** Whether any of a node's results has a twin by its name. */
  #byName(node: Node): boolean {
    let found = false;
    for (const value of node.outputs) {
      const namesake = this.#results.get(value.name);
      if (!namesake || this.misleading.has(stemOf(value.name))) continue;
      this.twins.set(value, namesake);
      if (namesake.producer) this.#taken.add(namesake.producer);
      found = true;
    }
    return found;
  }

  #byLabel(node: Node): Node | undefined {
    // What a pass has made is not what it was made of.
    if (toldBy(node).pass !== undefined || this.misleading.has(stemOf(labelOf(node)))) return undefined;
    const twin = this.#labels.get(labelOf(node));
    return twin && displayOp(twin.op) === displayOp(node.op) && this.#isFree(twin) ? twin : undefined;
  }

  /** Whether no value of B has a better claim to a node's result. */
  #isFree(twin: Node): boolean {
    return !this.#taken.has(twin) && twin.outputs.every(v => !this.#namesOfB.has(v.name) || this.misleading.has(stemOf(v.name)));
  }

  #keyOf(node: Node, how: How): string {
    // What is nested in a node is not looked into: it is not the same for that.
    const nested = [...node.subgraphs()].length > 0;
    const key = structureOf(node, value => this.#idOf(value, how));
    return nested && (how === 'exact' || how === 'weights') ? `${key}\n${this.#number(node)}` : key;
  }

  #idOf(value: Value, how: How): number {
    const tensor = fixedTensor(value);
    if (!tensor) return this.#number(how === 'exact' || how === 'loose' ? (this.twins.get(value) ?? value) : 'operand');
    if (how === 'loose' || how === 'types') return this.#number(layoutOf(tensor));
    const content = this.#contents.get(value) ?? fingerprintOf(tensor);
    this.#contents.set(value, content);
    return this.#number(content);
  }

  #number(of: unknown): number {
    const known = this.#ids.get(of) ?? this.#ids.size;
    this.#ids.set(of, known);
    return known;
  }
}

/** Nodes of one model and the other that have weights in common, but for those that have one another's: there weights have changed places. */
function withoutExchanges(owners: readonly [Node, Node][]): [Node, Node][] {
  const nameOf = (node: Node) => node.outputs[0]?.name;
  const moved = new Map(owners.map(([node, twin]) => [nameOf(node), nameOf(twin)]));
  const isExchanged = ([node]: [Node, Node]): boolean => {
    const start = nameOf(node);
    let name = moved.get(start);
    if (name === start) return false;
    for (let steps = 0; name !== undefined && name !== start && steps < moved.size; steps++) name = moved.get(name);
    return name === start;
  };
  return owners.filter(owner => !isExchanged(owner));
}

/** Nodes of A by a key that those share which are alike. */
class Index {
  readonly #nodes = new Map<string, Node[]>();
  readonly #keys = new Map<Node, string>();
  /** How many of those alike are taken: so that very many of them take no time. */
  #passed = new Map<string, number>();

  add(key: string, node: Node): void {
    this.#keys.set(node, key);
    const alike = this.#nodes.get(key);
    if (alike) alike.push(node);
    else this.#nodes.set(key, [node]);
  }

  keyOf(node: Node): string | undefined {
    return this.#keys.get(node);
  }
  count(key: string): number {
    return this.#nodes.get(key)?.length ?? 0;
  }

  rewind(): void {
    this.#passed = new Map();
  }

  /** The preferred node, if it has the key, or else the first of those that have it; only one that is free. */
  find(key: string, preferred: Node | undefined, isFree: (node: Node) => boolean): Node | undefined {
    if (preferred && this.#keys.get(preferred) === key && isFree(preferred)) return preferred;
    const alike = this.#nodes.get(key) ?? [];
    let i = this.#passed.get(key) ?? 0;
    while (i < alike.length && !isFree(alike[i]!)) i++;
    this.#passed.set(key, i);
    return alike[i];
  }
}
