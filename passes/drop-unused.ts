import { dropUncalled } from '../src/functions/uncalled.ts';
import type { Graph } from '../src/ir/graph.ts';
import { bodies } from '../src/ir/model.ts';
import { displayOp } from '../src/ir/op.ts';
import { type Pass, type PassReport, type Place, placeOf } from '../src/rewrite/pass.ts';

/**
 * Removes what no output depends on: nodes, initializers, functions.
 *
 * Inputs stay, and so do initializers that a caller may override: they are the model's interface.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] k = {2, 3}>
 * {
 *   t = Mul (x, k)
 *   u = Exp (t)
 *   y = Relu (x)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y) {
 *   y = Relu (x)
 * }
 * ```
 */
export const dropUnused: Pass = {
  name: 'drop-unused',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    const fired: Place[] = [];
    for (const { graph } of bodies(model)) sweep(graph, fired);
    for (const f of dropUncalled(model)) fired.push({ node: displayOp(f), op: 'function' });
    return { pass: 'drop-unused', fired, refused: [] };
  },
};

function sweep(graph: Graph, fired: Place[]): void {
  for (const node of graph.nodesBackwards()) {
    // Outputs are unnamed when absent; a node without any output is there for an effect we can't see.
    if (node.outputs.length > 0 && node.outputs.every(o => o.uses.size === 0)) {
      fired.push(placeOf(node));
      graph.remove(node);
    } else for (const inner of node.subgraphs()) sweep(inner, fired);
  }
  for (const value of graph.constants) {
    if (value.uses.size > 0) continue;
    graph.constants.delete(value);
    fired.push({ node: value.name, op: 'initializer' });
  }
}
