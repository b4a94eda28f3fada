import { cloneNode } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import { Graph } from '../ir/graph.ts';
import { bareModel, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { outerOperands } from '../ir/operands.ts';
import { Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What a value is, whatever it is computed from: an initializer, the literal of a Constant node, the default of an input that need not be fed. */
export function fixedTensor(value: Value): Tensor | undefined {
  return constantOf(value) ?? (value.definition.kind === 'input' ? value.definition.fallback : undefined);
}

/** The part of a model that computes some values from others. */
export interface Cut {
  readonly model: Model;
  /** The values that are fed, and the names they are fed under. */
  readonly inputs: ReadonlyMap<Value, string>;
  /** The values that come out, and the names they come out under. */
  readonly outputs: ReadonlyMap<Value, string>;
}

/**
 * Cuts nodes out of a model. Where `given` has a tensor for a value, whoever uses that value is fed with it, even where the cut computes
 * the value too: so the pieces between given values are independent of one another.
 * @param nodes in topological order, every operand given, fixed, or computed by a node before
 */
export function cut(model: Model, nodes: Iterable<Node>, given: { get(value: Value): Tensor | undefined }, wanted: readonly Value[]): Cut {
  const graph = new Graph('cut');
  const copies = new Map<Value, Value>();
  const inputs = new Map<Value, string>();
  const results = new Map<Value, Value>();
  const supply = (value: Value): void => {
    const fixed = fixedTensor(value);
    const tensor = fixed ?? given.get(value);
    if (value.definition.kind === 'sparse') {
      const copy = new Value(value.definition, value.name, value.type, value.origin);
      graph.sparse.add(copy);
      copies.set(value, copy);
    } else if (fixed) copies.set(value, graph.addConstant(value.name, fixed));
    else if (tensor) {
      copies.set(value, graph.addInput(value.name, { kind: 'tensor', dtype: tensor.dtype, shape: tensor.dims }));
      inputs.set(value, value.name);
    }
  };
  for (const node of nodes) {
    for (const operand of outerOperands(node)) if (!copies.has(operand)) supply(operand);
    const fed = node.outputs.map(value => ({ value, copy: copies.get(value) }));
    const copy = cloneNode(node, copies);
    graph.append(copy);
    for (const [i, { value, copy: before }] of fed.entries()) {
      const result = copy.outputs[i]!;
      result.type = undefined;
      result.origin = undefined;
      results.set(value, result);
      if (before) copies.set(value, before);
      else if (given.get(value)) copies.delete(value);
    }
  }
  // A value that is both fed and computed needs a second name; the one that it is fed under stays.
  const outputs = new Map<Value, string>();
  for (const value of results.keys()) if (inputs.has(value)) results.get(value)!.name = `${value.name}${again}`;
  for (const [i, value] of wanted.entries()) {
    const result = results.get(value)!;
    graph.setOutput(i, result);
    outputs.set(value, result.name);
  }
  const { irVersion, opsets, functions } = model;
  return { model: bareModel({ irVersion: Math.max(irVersion, 4), opsets, functions, graph }), inputs, outputs };
}

/** What no exporter ends a name with. */
export const again = ' (onnx-funnel)';
