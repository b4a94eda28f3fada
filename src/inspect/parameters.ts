import { constantOf } from '../ir/constant.ts';
import { bodies, type Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import { ProtoStorage } from '../serde/tensors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { printType } from '../text/print-type.ts';

export interface Amount {
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Everything a model brings along: initializers and the tensors of Constant nodes, shapes and axes included. */
export interface Parameters extends Amount {
  /** Those among them that a caller may override. */
  readonly overridable: Amount;
  /** Those whose elements lie in files beside the model. */
  readonly external: Amount;
  /** Elements of each type. */
  readonly types: Readonly<Record<string, number>>;
}

export interface Interface {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Initializers that are inputs too. */
  readonly overridable: number;
}

/** An input or output; the type (empty: not declared) as ONNX's textual syntax spells it. */
export interface Port {
  readonly name: string;
  readonly type: string;
}

export function parametersOf(model: Model): Parameters {
  const all: Tensor[] = [];
  const overridable: Tensor[] = [];
  const visit = (value: Value) => {
    const fallback = value.definition.kind === 'input' ? value.definition.fallback : undefined;
    if (fallback) overridable.push(fallback);
    const tensor = fallback ?? constantOf(value);
    if (tensor) all.push(tensor);
  };
  for (const { graph } of bodies(model)) {
    const graphs = new Set([graph]);
    for (const node of graph.allNodes()) {
      for (const inner of node.subgraphs()) graphs.add(inner);
      for (const value of node.outputs) visit(value);
    }
    for (const { inputs, constants } of graphs) for (const value of [...inputs, ...constants]) visit(value);
  }
  const types: Record<string, number> = {};
  for (const { dtype, size } of all) types[dtype] = (types[dtype] ?? 0) + size;
  return { ...amount(all), overridable: amount(overridable), external: amount(all.filter(isExternal)), types };
}

function amount(tensors: readonly Tensor[]): Amount {
  const bytes = (t: Tensor) => t.byteLength ?? t.strings().reduce((sum, s) => sum + s.byteLength, 0);
  return { tensors: tensors.length, elements: sum(tensors.map(t => t.size)), bytes: sum(tensors.map(bytes)) };
}

const isExternal = ({ storage }: Tensor) => storage instanceof ProtoStorage && storage.source !== undefined;
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

export function interfaceOf({ graph }: Model): Interface {
  const isFed = (value: Value) => value.definition.kind !== 'input' || value.definition.fallback === undefined;
  const port = ({ name, type }: Value): Port => ({ name, type: type ? printType(type) : '' });
  const fed = graph.inputs.filter(isFed);
  return { inputs: fed.map(port), outputs: graph.outputs.map(port), overridable: graph.inputs.length - fed.length };
}
