import { DecodeError, InvalidModel, type Problem } from '../errors.ts';
import { Graph } from '../ir/graph.ts';
import { type FunctionDef, initializersAreInputs, type Model } from '../ir/model.ts';
import { Node, type Op } from '../ir/node.ts';
import { normalDomain, opOf } from '../ir/op.ts';
import { Value, type ValueType } from '../ir/value.ts';
import { loadAttribute } from './load-attribute.ts';
import { has } from './message.ts';
import type {
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  OperatorSetIdProto,
  StringStringEntryProto,
  ValueInfoProto,
} from './onnx.generated.js';
import { ordered, Scope } from './scope.ts';
import { type DataFiles, tensorOf } from './tensors.ts';
import { typeOf } from './types.ts';
import { messageBudget } from './wire.ts';

/** What loading needs to know everywhere. */
export interface Loading {
  readonly irVersion: number;
  readonly files: DataFiles;
  readonly problems: Problem[];
  /** Pays for objects of the IR: a small file must not take all memory. @throws DecodeError */
  readonly spend: (cost: number) => void;
  /** The operator of a node, one object for all nodes that name it. */
  readonly op: (node: NodeProto) => Op;
}

/** The type that a value had when it was loaded, for each entry of the file that speaks of it: entries may disagree, and only a change counts. */
export const loadedType = new WeakMap<ValueInfoProto, { readonly type: ValueType | undefined }>();

/** The nodes of a graph in the order they were loaded in, where that is not the file's. */
export const loadedOrder = new WeakMap<object, readonly NodeProto[]>();

const manyProblems = 100;

/**
 * The model that a message describes. Names become edges here: a captured name of an outer graph is an ordinary use of its value.
 * @throws DecodeError when there is no IR version or no graph, or a tensor can't be what it says
 * @throws InvalidModel when names don't resolve, or are defined twice
 */
export function load(proto: ModelProto, files: DataFiles, budget = messageBudget): Model {
  if (!has(proto, 'ir_version')) throw new DecodeError('E_NO_IR_VERSION', 'not an ONNX model: it has no ir_version');
  if (!proto.graph) throw new DecodeError('E_NO_GRAPH', 'not an ONNX model: it has no graph');
  const irVersion = Number(proto.ir_version);
  const problems: Problem[] = [];
  const opsets = opsetsOf(proto.opset_import);
  const spend = (cost: number) => {
    budget -= cost;
    if (budget < 0) throw new DecodeError('E_BUDGET', 'the model has too many nodes to be read safely');
  };
  const shared = { irVersion, files, problems, spend };
  const graph = loadGraph(proto.graph, 'graph', undefined, { ...shared, op: operators(opsets) });
  const functions = proto.functions.map((f, i) => loadFunction(f, `functions[${i}]`, shared));
  if (problems.length > 0) throw new InvalidModel(problems);
  return {
    irVersion,
    opsets,
    producerName: proto.producer_name,
    producerVersion: proto.producer_version,
    domain: proto.domain,
    modelVersion: proto.model_version,
    doc: proto.doc_string,
    metadata: metadataOf(proto.metadata_props),
    graph,
    functions,
    origin: proto,
  };
}

function opsetsOf(imports: readonly OperatorSetIdProto[]): Map<string, number> {
  return new Map(imports.map(({ domain, version }) => [normalDomain(domain), Number(version)]));
}

/** The entries of metadata_props; of entries with one key the last counts. */
export function metadataOf(entries: readonly StringStringEntryProto[]): Map<string, string> {
  return new Map(entries.map(({ key, value }) => [key, value]));
}

function operators(opsets: ReadonlyMap<string, number>): Loading['op'] {
  const known = new Map<string, Op>();
  return ({ domain, op_type, overload }) => {
    const key = `${domain}\n${op_type}\n${overload}`;
    const op = known.get(key) ?? opOf(domain, op_type, overload, opsets);
    known.set(key, op);
    return op;
  };
}

/** A graph whose free names are looked up in `outer`. */
export function loadGraph(proto: GraphProto, path: string, outer: Scope | undefined, loading: Loading): Graph {
  const graph = new Graph(proto.name, proto);
  const scope = new Scope(outer);
  loadEdges(proto, graph, path, scope, loading);
  loadNodes(proto, graph, path, scope, loading);
  for (const [i, info] of proto.output.entries()) {
    const value = resolve(info.name, `${path}.output[${i}]`, scope, loading);
    graph.setOutput(i, value);
    describe(value, info);
  }
  for (const info of proto.value_info) describeByName(info, scope);
  for (const info of [...proto.input, ...proto.output, ...proto.value_info]) remember(info, scope);
  return graph;
}

/** Inputs and initializers. Before IR version 4 an initializer that is listed as input is a constant all the same. */
function loadEdges(proto: GraphProto, graph: Graph, path: string, scope: Scope, loading: Loading): void {
  const initializers = new Map(proto.initializer.map((tensor, i) => [tensor.name, { tensor, at: `${path}.initializer[${i}]` }]));
  const sparse = new Set(proto.sparse_initializer.map(({ values }) => values?.name ?? ''));
  for (const [i, info] of proto.input.entries()) {
    const initializer = initializers.get(info.name);
    if (sparse.has(info.name) || (initializer && initializersAreInputs(loading.irVersion))) continue;
    const fallback = initializer && tensorOf(initializer.tensor, loading.files, initializer.at);
    const value = graph.addInput(info.name, typeOf(info.type), fallback);
    value.origin = info;
    define(value, `${path}.input[${i}]`, scope, loading);
  }
  const inputs = new Set(graph.inputs.map(input => input.name));
  for (const [i, tensor] of proto.initializer.entries()) {
    const at = `${path}.initializer[${i}]`;
    if (initializers.get(tensor.name)?.at !== at) report(loading, at, `'${tensor.name}' is defined twice`);
    else if (!inputs.has(tensor.name)) define(graph.addConstant(tensor.name, tensorOf(tensor, loading.files, at)), at, scope, loading);
  }
  for (const [i, origin] of proto.sparse_initializer.entries()) {
    const value = new Value({ kind: 'sparse', origin }, origin.values?.name ?? '');
    value.owner = graph;
    graph.sparse.add(value);
    define(value, `${path}.sparse_initializer[${i}]`, scope, loading);
  }
  for (const info of proto.input) describeByName(info, scope);
}

function loadNodes(proto: GraphProto | FunctionProto, graph: Graph, path: string, scope: Scope, loading: Loading): void {
  const nodes = ordered(proto.node, scope);
  if (nodes !== proto.node) loadedOrder.set(proto, nodes);
  const place = nodes === proto.node ? undefined : new Map(proto.node.map((node, i) => [node, i]));
  for (const [i, node] of nodes.entries()) {
    const at = `${path}.node[${place?.get(node) ?? i}]`;
    loading.spend(2 + node.input.length + node.output.length + 2 * node.attribute.length);
    if (!node.op_type) report(loading, at, 'a node without op_type');
    const inputs = node.input.map((name, j) => (name ? resolve(name, `${at}.input[${j}]`, scope, loading) : undefined));
    const attributes = new Map(
      node.attribute.map((attribute, j) => [attribute.name, loadAttribute(attribute, `${at}.attribute[${j}]`, scope, loading)]),
    );
    if (attributes.size < node.attribute.length) report(loading, at, 'two attributes have the same name');
    const outputs = node.output.map(name => ({ name }));
    const extras = { name: node.name, attributes, metadata: metadataOf(node.metadata_props), origin: node };
    const loaded = new Node(loading.op(node), inputs, outputs, extras);
    graph.append(loaded);
    for (const [j, output] of loaded.outputs.entries()) if (output.name) define(output, `${at}.output[${j}]`, scope, loading);
  }
}

function loadFunction(proto: FunctionProto, path: string, shared: Omit<Loading, 'op'>): FunctionDef {
  const opsets = opsetsOf(proto.opset_import);
  const loading = { ...shared, op: operators(opsets) };
  if (!proto.name) report(loading, path, 'a function without name');
  const body = new Graph(proto.name, proto);
  const scope = new Scope();
  for (const [i, name] of proto.input.entries()) define(body.addInput(name), `${path}.input[${i}]`, scope, loading);
  const defaults = new Map(
    proto.attribute_proto.map((a, i) => [a.name, loadAttribute(a, `${path}.attribute_proto[${i}]`, scope, loading)]),
  );
  loadNodes(proto, body, path, scope, loading);
  for (const [i, name] of proto.output.entries()) body.setOutput(i, resolve(name, `${path}.output[${i}]`, scope, loading));
  for (const info of proto.value_info) describeByName(info, scope);
  for (const info of proto.value_info) remember(info, scope);
  const metadata = metadataOf(proto.metadata_props);
  const signature = { domain: normalDomain(proto.domain), name: proto.name, overload: proto.overload, attributes: proto.attribute };
  return { ...signature, defaults, opsets, body, metadata, origin: proto };
}

function define(value: Value, path: string, scope: Scope, loading: Loading): void {
  if (!value.name) report(loading, path, 'has no name');
  else if (scope.defines(value.name)) report(loading, path, `'${value.name}' is defined twice`);
  scope.define(value.name, value);
}

function resolve(name: string, path: string, scope: Scope, loading: Loading): Value {
  const value = scope.find(name);
  if (value) return value;
  report(loading, path, `nothing defines '${name}'`);
  return new Value({ kind: 'input' }, name);
}

/** What a ValueInfoProto says about a value: the first entry of the file that speaks of it is its origin. */
function describe(value: Value, info: ValueInfoProto): void {
  value.origin ??= info;
  value.type ??= typeOf(info.type);
}

function describeByName(info: ValueInfoProto, scope: Scope): void {
  const value = scope.defines(info.name) ? scope.find(info.name) : undefined;
  if (value) describe(value, info);
}

function remember(info: ValueInfoProto, scope: Scope): void {
  const value = scope.find(info.name);
  if (value) loadedType.set(info, { type: value.type });
}

/** Notes a problem; a model that has very many is refused at once. */
export function report(loading: Loading, where: string, message: string): void {
  loading.problems.push({ where, message });
  if (loading.problems.length >= manyProblems) throw new InvalidModel(loading.problems);
}
