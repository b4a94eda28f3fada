import type { Node } from './node.ts';
import type { Value } from './value.ts';

/** The values that a node uses, those that its nested graphs capture included, and not those that they define. */
export function* outerOperands(node: Node, within = new Set<Value>()): Generator<Value> {
  for (const value of node.inputs) if (value && !within.has(value)) yield value;
  for (const graph of node.subgraphs()) {
    for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse]) within.add(value);
    for (const inner of graph.nodes()) {
      yield* outerOperands(inner, within);
      for (const value of inner.outputs) within.add(value);
    }
    for (const value of graph.outputs) if (!within.has(value)) yield value;
  }
}
