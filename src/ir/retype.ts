import { elementTypeAttributes } from '../ops/facts.ts';
import { codeOfDtype, type DType, dtypeOfCode } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Attribute } from './attribute.ts';
import { cloneModel } from './clone.ts';
import type { Graph } from './graph.ts';
import { bodies, type Model } from './model.ts';
import type { Definition, Value, ValueType } from './value.ts';

/**
 * A copy of a model with other element types: its tensors, the types it declares, and the attributes that name types. What a runtime
 * without kernels for a type would say of the model, it says of the copy.
 */
export function retyped(model: Model, to: (dtype: DType) => DType): Model {
  const tensor = (t: Tensor) => (to(t.dtype) === t.dtype ? t : t.as(to(t.dtype)).settle());
  const define = (definition: Definition): Definition => {
    if (definition.kind === 'constant') return { ...definition, tensor: tensor(definition.tensor) };
    return definition.kind === 'input' && definition.fallback ? { ...definition, fallback: tensor(definition.fallback) } : definition;
  };
  const resolve = (attribute: Attribute, name: string): Attribute => {
    if (attribute.type === 'tensor') return { type: 'tensor', value: tensor(attribute.value) };
    return attribute.type === 'int' && elementTypeAttributes.has(name)
      ? { type: 'int', value: BigInt(codeOfDtype(to(dtypeOfCode(Number(attribute.value))))) }
      : attribute;
  };
  const copy = cloneModel(model, { define, resolve });
  for (const { graph } of bodies(copy)) {
    for (const value of valuesOf(graph)) {
      value.type = retypedType(value.type, to);
      value.inferred &&= { ...value.inferred, dtype: to(value.inferred.dtype) };
    }
  }
  return copy;
}

function retypedType(type: ValueType | undefined, to: (dtype: DType) => DType): ValueType | undefined {
  if (type?.kind === 'tensor' || type?.kind === 'sparse') return to(type.dtype) === type.dtype ? type : { ...type, dtype: to(type.dtype) };
  return type && 'of' in type ? { ...type, of: retypedType(type.of, to)! } : type;
}

/** Every value that a graph and those nested in it define. */
function* valuesOf(graph: Graph): Generator<Value> {
  yield* graph.inputs;
  yield* graph.constants;
  for (const node of graph.nodes()) {
    yield* node.outputs;
    for (const inner of node.subgraphs()) yield* valuesOf(inner);
  }
}
