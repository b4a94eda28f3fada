import type { Graph } from '../src/ir/graph.ts';
import { bodies } from '../src/ir/model.ts';
import type { Value } from '../src/ir/value.ts';
import type { Pass, PassReport, Place } from '../src/rewrite/pass.ts';
import { fingerprintOf, layoutOf } from '../src/tensor/fingerprint.ts';

/**
 * Makes one of initializers that are equal bit by bit, of one graph, or of a graph and those nested in it. The first keeps its name.
 *
 * Those that a caller may override, and outputs of a graph, stay. Not for a model to be trained further: weights that happen to begin
 * equal would be trained as one.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] a = {1, 2}, float[2] b = {1, 2}>
 * {
 *   t = Add (x, a)
 *   y = Mul (t, b)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] a = {1, 2}>
 * {
 *   t = Add (x, a)
 *   y = Mul (t, a)
 * }
 * ```
 */
export const mergeInitializers: Pass = {
  name: 'merge-initializers',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    const fired: Place[] = [];
    for (const { graph } of bodies(model)) {
      const scopes = scopesOf(graph, []);
      const layouts = new Map<string, number>();
      for (const { constants } of scopes)
        for (const { constant } of constants) layouts.set(layoutOf(constant!), (layouts.get(layoutOf(constant!)) ?? 0) + 1);
      const firsts = new Map<Graph, Map<string, Value>>();
      for (const { path, constants } of scopes) {
        const own = new Map<string, Value>();
        firsts.set(path.at(-1)!, own);
        // A tensor whose type and size no other has isn't read.
        for (const value of constants.filter(v => layouts.get(layoutOf(v.constant!))! > 1)) {
          const print = fingerprintOf(value.constant!);
          const first = path.map(scope => firsts.get(scope)!.get(print)).find(v => v !== undefined);
          if (first && merge(value, first)) fired.push({ node: value.name, op: 'initializer' });
          else if (!first) own.set(print, value);
        }
      }
    }
    return { pass: 'merge-initializers', fired, refused: [] };
  },
};

interface Scope {
  /** The graph and those around it, outermost first. */
  readonly path: readonly Graph[];
  readonly constants: readonly Value[];
}

/** A graph and those nested in it, outer before inner. */
function scopesOf(graph: Graph, around: readonly Graph[]): Scope[] {
  const path = [...around, graph];
  const inner = [...graph.nodes()].flatMap(node => [...node.subgraphs()]).flatMap(g => scopesOf(g, path));
  return [{ path, constants: [...graph.constants].filter(v => v.uses.size > 0) }, ...inner];
}

function merge(value: Value, first: Value): boolean {
  if ([...value.uses].some(use => use.kind === 'output')) return false;
  for (const use of [...value.uses]) if (use.kind === 'operand') use.node.setInput(use.index, first);
  value.owner?.constants.delete(value);
  return true;
}
