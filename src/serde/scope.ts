import type { Value } from '../ir/value.ts';
import type { GraphProto, NodeProto } from './onnx.generated.js';

/** The names that can be seen at a point of a graph: its own, then those of the graphs around it. */
export class Scope {
  readonly #values = new Map<string, Value>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#outer?.find(name);
  }

  /** Whether this very graph defines the name. */
  defines(name: string): boolean {
    return this.#values.has(name);
  }

  define(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}

/**
 * The nodes in an order in which every name is defined before it is used. Files should be in such an order; where one is not (ONNX Runtime
 * takes it silently), the first order that is right is taken. A cycle is left as it is: its names won't resolve.
 */
export function ordered(nodes: readonly NodeProto[], scope: Scope): readonly NodeProto[] {
  const producers = new Map<string, number>();
  for (const [i, node] of nodes.entries()) for (const name of node.output) if (name) producers.set(name, i);
  const needs = nodes.map((node, i) => {
    const before: number[] = [];
    for (const name of needed(node)) {
      const producer = producers.get(name);
      // A name that is visible already is the outer one until the node that redefines it.
      if (producer !== undefined && producer !== i && !(producer > i && scope.find(name))) before.push(producer);
    }
    return before;
  });
  if (needs.every((before, i) => before.every(j => j < i))) return nodes;
  return sorted(nodes, needs);
}

function sorted(nodes: readonly NodeProto[], needs: readonly (readonly number[])[]): readonly NodeProto[] {
  const done = new Set<number>();
  const waiting = needs.map(before => new Set(before).size);
  const users = nodes.map((): number[] => []);
  for (const [i, before] of needs.entries()) for (const j of new Set(before)) users[j]!.push(i);
  // Depth first from each node that waits for nothing, in the file's order: neighbours stay neighbours.
  for (const i of nodes.keys()) {
    const ready = waiting[i] === 0 && !done.has(i) ? [i] : [];
    for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
      done.add(next);
      for (const user of users[next]!) if (--waiting[user]! === 0 && user < i) ready.push(user);
    }
  }
  return done.size === nodes.length ? [...done].map(i => nodes[i]!) : nodes;
}

/** The names a node needs from around it, captures of its subgraphs included. */
function* needed(node: NodeProto): Generator<string> {
  yield* node.input;
  for (const { g, graphs } of node.attribute) for (const graph of g ? [g, ...graphs] : graphs) yield* captures(graph);
}

const known = new WeakMap<GraphProto, ReadonlySet<string>>();

/** The names that a subgraph does not define before it uses them. */
function captures(graph: GraphProto): ReadonlySet<string> {
  const done = known.get(graph);
  if (done) return done;
  const free = new Set<string>();
  known.set(graph, free);
  const own = new Set(graph.input.map(input => input.name));
  for (const tensor of graph.initializer) own.add(tensor.name);
  for (const { values } of graph.sparse_initializer) if (values) own.add(values.name);
  for (const node of graph.node) for (const name of node.output) own.add(name);
  for (const node of graph.node) for (const name of needed(node)) if (!own.has(name)) free.add(name);
  for (const { name } of graph.output) if (!own.has(name)) free.add(name);
  return free;
}
