import { cloneModel } from '../ir/clone.ts';
import type { Graph } from '../ir/graph.ts';
import type { Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';

/** Tensors up to this many bytes may be shapes and axes, which inference reads; larger ones are weights, of which it needs the type alone. */
const LARGEST_KEPT = 1024;

/**
 * A model of the same types without its weights: large tensors become inputs of their type and shape, and every result of the main
 * graph becomes an output that has a name only. What ONNX Runtime says of those outputs are the types of all values.
 */
export function skeletonOf(model: Model): Model {
  const skeleton = cloneModel(model);
  let unnamed = 0;
  const liftLarge = (graph: Graph) => {
    for (const value of [...graph.constants]) {
      const { dtype, dims, byteLength } = value.constant!;
      if ((byteLength ?? 0) <= LARGEST_KEPT) continue;
      const stand = skeleton.graph.addInput(`onnx_funnel_weight_${unnamed++}`, { kind: 'tensor', dtype, shape: dims });
      graph.replaceUses(value, stand);
      graph.constants.delete(value);
    }
    for (const node of graph.nodes()) {
      for (const inner of node.subgraphs()) liftLarge(inner);
      const literal = node.attributes.get('value');
      if (node.op.name !== 'Constant' || literal?.type !== 'tensor' || (literal.value.byteLength ?? 0) <= LARGEST_KEPT) continue;
      const stand = skeleton.graph.addInput(`onnx_funnel_weight_${unnamed++}`, {
        kind: 'tensor',
        dtype: literal.value.dtype,
        shape: literal.value.dims,
      });
      graph.replaceUses(node.outputs[0]!, stand);
      graph.remove(node);
    }
  };
  liftLarge(skeleton.graph);
  exposeResults(skeleton.graph);
  return skeleton;
}

function exposeResults(graph: Graph): void {
  const outputs = new Set(graph.outputs);
  for (const value of outputs) forget(value);
  for (const node of graph.nodes()) {
    for (const value of node.outputs) {
      if (value.name === '' || outputs.has(value)) continue;
      forget(value);
      graph.setOutput(graph.outputs.length, value);
    }
  }
}

function forget(value: Value): void {
  if (value.definition.kind !== 'result') return;
  value.type = undefined;
  value.origin = undefined;
}
