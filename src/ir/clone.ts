import type { Attribute } from './attribute.ts';
import { Graph } from './graph.ts';
import type { FunctionDef, Model } from './model.ts';
import { Node } from './node.ts';
import { type Definition, Value } from './value.ts';

/** What a copy may change on the way. */
export interface CloneOptions {
  /** The new name of a value. */
  readonly rename?: (name: string) => string;
  /** The new name of a node. */
  readonly renameNode?: (name: string) => string;
  /** The definition of an input or a constant to take instead. */
  readonly define?: (definition: Definition) => Definition;
  /** The attribute to take instead; undefined leaves it out. */
  readonly resolve?: (attribute: Attribute, name: string) => Attribute | undefined;
  /** Metadata that copied nodes get besides their own. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/** A copy that shares tensors and nothing that can change. */
export function cloneModel(model: Model, options: CloneOptions = {}): Model {
  return {
    ...model,
    opsets: new Map(model.opsets),
    metadata: new Map(model.metadata),
    graph: cloneGraph(model.graph, undefined, options),
    functions: model.functions.map(f => cloneFunction(f, options)),
  };
}

export function cloneFunction(f: FunctionDef, options: CloneOptions = {}): FunctionDef {
  return { ...f, opsets: new Map(f.opsets), body: cloneGraph(f.body, undefined, options) };
}

/** A copy of a graph. `outer` maps values of enclosing graphs to their copies; others are captured as they are. */
export function cloneGraph(graph: Graph, outer: ReadonlyMap<Value, Value> = new Map(), options: CloneOptions = {}): Graph {
  const copy = new Graph(graph.name, graph.origin);
  const values = new Map(outer);
  const rename = options.rename ?? (name => name);
  const define = options.define ?? (definition => definition);
  const keep = (value: Value) => {
    const same = new Value(define(value.definition), rename(value.name), value.type, value.origin);
    same.owner = copy;
    same.inferred = value.inferred;
    values.set(value, same);
    return same;
  };
  for (const value of graph.inputs) copy.inputs.push(keep(value));
  for (const value of graph.constants) copy.constants.add(keep(value));
  for (const value of graph.sparse) copy.sparse.add(keep(value));
  for (const node of graph.nodes()) copy.append(cloneNode(node, values, options));
  for (const [i, value] of graph.outputs.entries()) copy.setOutput(i, values.get(value) ?? value);
  return copy;
}

/** A copy of a node, its operands and captures mapped by `values`, which learns its results. */
export function cloneNode(node: Node, values: Map<Value, Value>, options: CloneOptions = {}): Node {
  const inputs = node.inputs.map(v => v && (values.get(v) ?? v));
  const attributes = new Map<string, Attribute>();
  for (const [name, attribute] of node.attributes) {
    const resolved = options.resolve ? options.resolve(attribute, name) : attribute;
    if (resolved) attributes.set(name, cloneAttribute(resolved, values, options));
  }
  const results = node.outputs.map(({ name, type }) => ({ name: name && options.rename ? options.rename(name) : name, type }));
  const copy = new Node(node.op, inputs, results, {
    name: options.renameNode?.(node.name) ?? node.name,
    attributes,
    metadata: options.metadata ? new Map([...node.metadata, ...options.metadata]) : node.metadata,
    origin: node.origin,
  });
  for (const [i, value] of node.outputs.entries()) {
    copy.outputs[i]!.origin = value.origin;
    copy.outputs[i]!.inferred = value.inferred;
    values.set(value, copy.outputs[i]!);
  }
  return copy;
}

function cloneAttribute(attribute: Attribute, values: ReadonlyMap<Value, Value>, options: CloneOptions): Attribute {
  if (attribute.type === 'graph') return { ...attribute, value: cloneGraph(attribute.value, values, options) };
  if (attribute.type === 'graphs') return { ...attribute, value: attribute.value.map(g => cloneGraph(g, values, options)) };
  return attribute;
}
