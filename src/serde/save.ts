import { InvalidModel, type Problem } from '../errors.ts';
import type { Graph } from '../ir/graph.ts';
import type { FunctionDef, Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { normalDomain } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { loadedOrder } from './load.ts';
import { revise, reviseEntries } from './message.ts';
import {
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OperatorSetIdProto,
  onnx,
  type StringStringEntryProto,
  type TensorProto,
} from './onnx.generated.js';
import { attributeProto } from './save-attribute.ts';
import { initializerProtos, inputProtos, outputProtos, sparseProtos, valueInfoProtos } from './save-values.ts';
import { Scope } from './scope.ts';

/** What saving needs to know everywhere. */
export interface Saving {
  readonly irVersion: number;
  readonly problems: Problem[];
  /** Where a tensor's data goes: the message, or another that says the same from another place. */
  readonly place: (proto: TensorProto, tensor?: Tensor) => TensorProto;
}

/**
 * The message of a model. Every part that says what it said when it was read is the very message it was read from: an untouched model is its
 * origin. What changed keeps the fields that the IR does not model.
 * @throws InvalidModel when a name would not lead back to the value it stands for
 */
export function save(model: Model, place: Saving['place'] = proto => proto): ModelProto {
  const saving: Saving = { irVersion: model.irVersion, problems: [], place };
  const origin = model.origin as ModelProto | undefined;
  const graph = graphProto(model.graph, 'graph', undefined, saving);
  const functions = model.functions.map((f, i) => functionProto(f, `functions[${i}]`, saving));
  if (saving.problems.length > 0) throw new InvalidModel(saving.problems);
  return revise(onnx.ModelProto, origin, {
    ir_version: BigInt(model.irVersion),
    opset_import: opsetProtos(origin?.opset_import, model.opsets),
    producer_name: model.producerName || undefined,
    producer_version: model.producerVersion || undefined,
    domain: model.domain || undefined,
    model_version: model.modelVersion || undefined,
    doc_string: model.doc || undefined,
    graph,
    functions,
    metadata_props: metadataProtos(origin?.metadata_props, model.metadata),
  });
}

function opsetProtos(old: readonly OperatorSetIdProto[] | undefined, opsets: ReadonlyMap<string, number>): readonly OperatorSetIdProto[] {
  const domainOf = (entry: OperatorSetIdProto) => normalDomain(entry.domain);
  return reviseEntries(old ?? [], domainOf, opsets, (domain, entry) =>
    revise(onnx.OperatorSetIdProto, entry, { domain: entry?.domain ?? domain, version: BigInt(opsets.get(domain)!) }),
  );
}

function metadataProtos(
  old: readonly StringStringEntryProto[] | undefined,
  metadata: ReadonlyMap<string, string>,
): readonly StringStringEntryProto[] {
  const keyOf = (entry: StringStringEntryProto) => entry.key;
  return reviseEntries(old ?? [], keyOf, metadata, (key, entry) =>
    revise(onnx.StringStringEntryProto, entry, { key, value: metadata.get(key) }),
  );
}

/** The message of a graph whose free names are looked up in `outer`. */
export function graphProto(graph: Graph, path: string, outer: Scope | undefined, saving: Saving): GraphProto {
  const origin = graph.origin as GraphProto | undefined;
  const scope = new Scope(outer);
  for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse]) define(value, path, scope, saving);
  const node = nodeProtos(graph, path, scope, saving);
  for (const [i, value] of graph.outputs.entries()) expect(value, `${path}.output[${i}]`, scope, saving);
  return revise(onnx.GraphProto, origin, {
    node,
    name: graph.name || undefined,
    initializer: initializerProtos(graph, saving),
    sparse_initializer: sparseProtos(graph, saving),
    input: inputProtos(graph, saving),
    output: outputProtos(graph),
    value_info: valueInfoProtos(graph, origin?.value_info),
  });
}

function functionProto(f: FunctionDef, path: string, saving: Saving): FunctionProto {
  const origin = f.origin as FunctionProto | undefined;
  const scope = new Scope();
  for (const value of f.body.inputs) define(value, path, scope, saving);
  const node = nodeProtos(f.body, path, scope, saving);
  for (const [i, value] of f.body.outputs.entries()) expect(value, `${path}.output[${i}]`, scope, saving);
  if (f.body.constants.size > 0) saving.problems.push({ where: path, message: 'a function body has no place for initializers' });
  const defaults = [...f.defaults].map(([name, attribute]) => attributeProto(name, attribute, `${path}.attribute_proto`, scope, saving));
  return revise(onnx.FunctionProto, origin, {
    name: f.name,
    domain: origin && normalDomain(origin.domain) === f.domain ? origin.domain : f.domain || undefined,
    overload: f.overload || undefined,
    input: f.body.inputs.map(value => value.name),
    output: f.body.outputs.map(value => value.name),
    attribute: f.attributes,
    attribute_proto: defaults,
    node,
    opset_import: opsetProtos(origin?.opset_import, f.opsets),
    value_info: valueInfoProtos(f.body, origin?.value_info),
    metadata_props: metadataProtos(origin?.metadata_props, f.metadata),
  });
}

function nodeProtos(graph: Graph, path: string, scope: Scope, saving: Saving): readonly NodeProto[] {
  const nodes: NodeProto[] = [];
  for (const node of graph.nodes()) {
    nodes.push(nodeProto(node, `${path}.node[${nodes.length}]`, scope, saving));
    for (const output of node.outputs) if (output.name) define(output, path, scope, saving);
  }
  const origin = graph.origin as GraphProto | FunctionProto | undefined;
  const sorted = origin && loadedOrder.get(origin);
  // A file that was not in order stays as it was while nothing else changed.
  return sorted?.length === nodes.length && sorted.every((node, i) => node === nodes[i]) ? origin!.node : nodes;
}

function nodeProto(node: Node, path: string, scope: Scope, saving: Saving): NodeProto {
  const origin = node.origin as NodeProto | undefined;
  const { domain, name, overload } = node.op;
  for (const [i, value] of node.inputs.entries()) if (value) expect(value, `${path}.input[${i}]`, scope, saving);
  return revise(onnx.NodeProto, origin, {
    input: node.inputs.map(value => value?.name ?? ''),
    output: node.outputs.map(value => value.name),
    name: node.name || undefined,
    op_type: name,
    domain: origin && normalDomain(origin.domain) === domain ? origin.domain : domain || undefined,
    overload: overload || undefined,
    attribute: [...node.attributes].map(([key, attribute]) => attributeProto(key, attribute, `${path}.attribute '${key}'`, scope, saving)),
    metadata_props: metadataProtos(origin?.metadata_props, node.metadata),
  });
}

function define(value: Value, path: string, scope: Scope, saving: Saving): void {
  if (!value.name) saving.problems.push({ where: path, message: 'a value has no name' });
  else if (scope.defines(value.name)) saving.problems.push({ where: path, message: `two values have the name '${value.name}'` });
  scope.define(value.name, value);
}

/** In the file a use is only a name: it must lead to this value. */
function expect(value: Value, path: string, scope: Scope, saving: Saving): void {
  const found = scope.find(value.name);
  if (found === value) return;
  const message = found ? `the name '${value.name}' would mean another value here` : `nothing defines '${value.name}' before its use`;
  saving.problems.push({ where: path, message });
}
