import type { Graph } from '../ir/graph.ts';
import { bodies, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';

/** How often each name is defined over a whole model: graphs beside each other may use one name, and a graph and those within it may not. */
export class NameCounts {
  readonly #values = new Map<string, number>();
  readonly #nodes = new Map<string, number>();

  constructor(model: Model) {
    for (const { graph } of bodies(model)) this.#count(graph, 1);
  }

  /** Forgets a graph that goes. */
  subtract(graph: Graph): void {
    this.#count(graph, -1);
  }

  /** Whether no other value has the name. */
  isAlone(name: string): boolean {
    return name === '' || (this.#values.get(name) ?? 0) <= 1;
  }
  isAloneNode(name: string): boolean {
    return (this.#nodes.get(name) ?? 0) <= 1;
  }

  /** Notes that one value of this name has another now, and returns that. */
  replace(name: string, by: string): string {
    add(this.#values, name, -1);
    add(this.#values, by, 1);
    return by;
  }
  replaceNode(name: string, by: string): string {
    add(this.#nodes, name, -1);
    add(this.#nodes, by, 1);
    return by;
  }

  #count(graph: Graph, sign: 1 | -1): void {
    for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse]) add(this.#values, value.name, sign);
    for (const node of graph.nodes()) this.#countNode(node, sign);
  }

  #countNode(node: Node, sign: 1 | -1): void {
    add(this.#nodes, node.name, sign);
    for (const value of node.outputs) add(this.#values, value.name, sign);
    for (const inner of node.subgraphs()) this.#count(inner, sign);
  }
}

function add(counts: Map<string, number>, name: string, n: number): void {
  counts.set(name, (counts.get(name) ?? 0) + n);
}
