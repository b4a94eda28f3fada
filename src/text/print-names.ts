import type { Graph } from '../ir/graph.ts';
import type { Value } from '../ir/value.ts';
import type { Scope } from './scope.ts';
import { quotable } from './words.ts';

/**
 * The names that values are printed under: their own, except where a name would lead to another value, or a value in use has none. Such a
 * value gets a new name, the same each time the model is printed.
 */
export class Names {
  readonly #graphs: readonly Graph[];
  readonly #given = new Map<Value, string>();
  #taken: Set<string> | undefined;

  /** `graphs` are those whose names a new name must not be. */
  constructor(graphs: readonly Graph[]) {
    this.#graphs = graphs;
  }

  /** The name under which `value` is used. */
  of(value: Value | undefined): string {
    if (!value) return '""';
    return quotable(this.#given.get(value) ?? (value.name || this.#give(value, 'unnamed')));
  }

  /** The name under which a node writes its result; an absent one is `""`. */
  ofResult(value: Value, scope: Scope<Value>): string {
    if (value.name === '' && value.uses.size === 0) return '""';
    this.define(value, scope);
    return this.of(value);
  }

  /** Lets `value` be visible in `scope` from here on. */
  define(value: Value, scope: Scope<Value>): void {
    const hidden = value.name === '' || scope.find(value.name) !== undefined;
    const name = this.#given.get(value) ?? (hidden ? this.#give(value, value.name || 'unnamed') : value.name);
    scope.define(name, value);
  }

  #give(value: Value, stem: string): string {
    this.#taken ??= new Set(this.#graphs.flatMap(graph => [...namesIn(graph)]));
    let n = 1;
    while (this.#taken.has(`${stem}_${n}`)) n++;
    const name = `${stem}_${n}`;
    this.#taken.add(name);
    this.#given.set(value, name);
    return name;
  }
}

/** The names of all values of a graph and of the graphs in it. */
function* namesIn(graph: Graph): Generator<string> {
  for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse]) yield value.name;
  for (const node of graph.nodes()) {
    for (const value of node.outputs) yield value.name;
    for (const inner of node.subgraphs()) yield* namesIn(inner);
  }
}
