import picomatch from 'picomatch';
import type { Graph } from '../src/ir/graph.ts';
import type { Pass, PassReport } from '../src/rewrite/pass.ts';

/**
 * Turns initializers that a caller may override (they are listed as inputs too) into constants, so that other passes may fold them.
 *
 * `glob` chooses them by name; without it, all. The model's inputs become fewer: an explicit choice, never part of a pipeline by
 * itself. With the defaults in place the model computes the same.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x, float[2] k = {2, 3}) => (float[2] y) {
 *   y = Mul (x, k)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] k = {2, 3}>
 * {
 *   y = Mul (x, k)
 * }
 * ```
 */
export const freezeInitializers = (glob?: string): Pass => ({
  name: 'freeze-initializers',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    const chosen = glob === undefined ? () => true : picomatch(glob, { dot: true });
    const frozen = freeze(model.graph, chosen);
    return { pass: 'freeze-initializers', fired: frozen.map(node => ({ node, op: 'initializer' })), refused: [] };
  },
});

function freeze(graph: Graph, chosen: (name: string) => boolean): string[] {
  const frozen: string[] = [];
  for (const input of graph.inputs.splice(0)) {
    const fallback = input.definition.kind === 'input' ? input.definition.fallback : undefined;
    if (!fallback || !chosen(input.name)) {
      graph.inputs.push(input);
      continue;
    }
    graph.replaceUses(input, graph.addConstant(input.name, fallback));
    frozen.push(input.name);
  }
  return frozen;
}
