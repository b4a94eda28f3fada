import type { Graph } from '../src/ir/graph.ts';
import { bodies } from '../src/ir/model.ts';
import { definedWithin } from '../src/ir/names.ts';
import type { Node } from '../src/ir/node.ts';
import { nodeKey } from '../src/ir/node-key.ts';
import type { Value } from '../src/ir/value.ts';
import { isStorage } from '../src/ops/facts.ts';
import { type Pass, type PassReport, type Place, placeOf } from '../src/rewrite/pass.ts';

/**
 * Computes once what is computed twice: nodes of the same operator with the same attributes and operands become the first of them. A
 * nested graph takes what the graph around it has computed by then.
 *
 * Operators that need not compute the same each time (random numbers, calls of functions), and those with nested graphs, stay;
 * DequantizeLinear too, since runtimes look for one of its own before each quantised operator. Of two results that are both outputs, both
 * stay.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   a = Sigmoid (x)
 *   b = Sigmoid (x)
 *   c = Neg (a)
 *   d = Neg (b)
 *   y = Mul (c, d)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   a = Sigmoid (x)
 *   c = Neg (a)
 *   y = Mul (c, c)
 * }
 * ```
 */
export const mergeNodes: Pass = {
  name: 'merge-nodes',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    const fired: Place[] = [];
    const ids = new Map<Value, number>();
    const idOf = (value: Value) => {
      const id = ids.get(value) ?? ids.size;
      ids.set(value, id);
      return id;
    };
    for (const { graph } of bodies(model)) mergeWithin(graph, [], idOf, fired);
    return { pass: 'merge-nodes', fired, refused: [] };
  },
};

/** `around`: what the enclosing graphs have computed by now, outermost first. */
function mergeWithin(graph: Graph, around: readonly Map<string, Node>[], idOf: (value: Value) => number, fired: Place[]): void {
  const own = new Map<string, Node>();
  const seen = [...around, own];
  for (const node of graph.nodes()) {
    for (const inner of node.subgraphs()) mergeWithin(inner, seen, idOf, fired);
    if (node.outputs.every(o => o.uses.size === 0) || isStorage(node.op)) continue;
    const key = nodeKey(node, idOf);
    if (key === undefined) continue;
    const first = seen.map(nodes => nodes.get(key)).find(n => n !== undefined);
    if (!first) own.set(key, node);
    else if (node.outputs.every((old, i) => canTake(first.outputs[i]!, old))) {
      fired.push(placeOf(node));
      for (const [i, old] of node.outputs.entries()) take(first.outputs[i]!, old, graph);
      graph.remove(node);
    }
  }
}

const isOutput = (value: Value) => [...value.uses].some(use => use.kind === 'output');

/** Names at a graph's edge are a contract: a value takes an output's only where it has none of its own to keep. */
const canTake = (by: Value, old: Value) =>
  !isOutput(old) || (!isOutput(by) && by.owner === old.owner && !definedWithin(by.owner, old.name));

function take(by: Value, old: Value, graph: Graph): void {
  by.inferred ??= old.inferred;
  if (isOutput(old)) {
    by.name = old.name;
    by.type = old.type;
    by.origin = old.origin;
  }
  graph.replaceUses(old, by);
}
