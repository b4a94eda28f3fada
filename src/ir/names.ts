import type { Graph } from './graph.ts';
import { bodies, type Model } from './model.ts';

/** The names in use over a whole model: all scopes, inputs, outputs and functions. */
export class Names {
  readonly #taken = new Set<string>();
  /** Names of nodes are a space of their own; ONNX Runtime wants them to differ within a graph. */
  readonly #nodes = new Set<string>();

  constructor(model: Model) {
    for (const { graph } of bodies(model)) this.#collect(graph);
  }

  /** `hint`, or `hint_1`, `hint_2`, … when it is taken; taken from now on. */
  fresh(hint: string): string {
    let name = hint;
    for (let i = 1; this.#taken.has(name); i++) name = `${hint}_${i}`;
    this.#taken.add(name);
    return name;
  }

  /** The same for the name of a node. */
  freshNode(hint: string): string {
    let name = hint;
    for (let i = 1; this.#nodes.has(name); i++) name = `${hint}_${i}`;
    this.#nodes.add(name);
    return name;
  }

  /** Gives a name back that was not used after all. */
  release(name: string): void {
    this.#taken.delete(name);
  }

  #collect(graph: Graph): void {
    for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse, ...graph.outputs]) this.#taken.add(value.name);
    for (const node of graph.nodes()) {
      this.#nodes.add(node.name);
      for (const value of node.outputs) this.#taken.add(value.name);
      for (const inner of node.subgraphs()) this.#collect(inner);
    }
  }
}

/** Whether a graph nested in `graph` defines `name`: a value of the outer graph that took it would be hidden there. */
export function definedWithin(graph: Graph | undefined, name: string): boolean {
  for (const node of graph?.nodes() ?? []) {
    for (const inner of node.subgraphs()) {
      const defined = [...inner.inputs, ...inner.constants, ...inner.sparse, ...[...inner.nodes()].flatMap(n => n.outputs)];
      if (defined.some(v => v.name === name) || definedWithin(inner, name)) return true;
    }
  }
  return false;
}
