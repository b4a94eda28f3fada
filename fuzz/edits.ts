import type { Graph } from '../src/ir/graph.ts';
import { bodies, type Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import { schemaOf } from '../src/ir/op.ts';
import type { Value } from '../src/ir/value.ts';
import { isFloat } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { resized, sizesOf } from './resize.ts';

/** Makes a copy of a network smaller, in place; false where there is nothing to do. */
export type Edit = (model: Model) => boolean;

const nodesOf = (model: Model): Node[] => [...bodies(model)].flatMap(({ graph }) => [...graph.allNodes()]);
const count = <T>(items: Iterable<T>): T[] => [...items];
const each = (length: number, edit: (i: number) => Edit): Edit[] => Array.from({ length }, (_, i) => edit(i));
/** For each node of a model, last first: it is the same one in a copy. */
const atNodes = (model: Model, edit: (node: Node, copy: Model) => boolean): Edit[] =>
  each(nodesOf(model).length, i => copy => edit(nodesOf(copy).at(-1 - i)!, copy));

/** Lists of edits, the most effective first. */
export const edits: readonly ((model: Model) => Edit[])[] = [
  ({ graph }) => each(graph.outputs.length, i => copy => setOutputs(copy.graph, [copy.graph.outputs[i]!])),
  // An inner value in the place of the outputs: everything after it goes.
  model =>
    each(count(model.graph.nodes()).length, i => copy => {
      const value = count(copy.graph.nodes())[i]!.outputs[0]!;
      value.type ??= value.inferred;
      return value.type && !copy.graph.outputs.includes(value) ? setOutputs(copy.graph, [value]) : false;
    }),
  // An input in the place of a value: everything before it goes.
  model => atNodes(model, (node, copy) => node.graph === copy.graph && node.outputs.map(value => cut(copy.graph, value)).some(Boolean)),
  model => atNodes(model, hoist),
  model => [0, 1, 2].flatMap(index => atNodes(model, node => bypass(node, index))),
  model => atNodes(model, node => [...node.inputs].reverse().some((value, i) => value && dropInput(node, node.inputs.length - 1 - i))),
  model => [0, 1, 2, 3, 4].flatMap(index => atNodes(model, node => dropAttribute(node, index))),
  model => sizesOf(model).flatMap(size => [1, 2, 3].filter(s => s < size).map(to => (copy: Model) => resized(copy, size, to))),
  model =>
    each(constantsOf(model).length, i => copy => simplify(copy, i, () => 1)).concat(
      each(constantsOf(model).length, i => copy => simplify(copy, i, () => 0)),
      each(constantsOf(model).length, i => copy => simplify(copy, i, (_, j) => j + 1)),
      each(constantsOf(model).length, i => copy => simplify(copy, i, x => Math.round(x * 4) / 4)),
    ),
  () => [rename, forgetTypes, copy => setIr(copy, 8)],
];

function setOutputs(graph: Graph, outputs: readonly Value[]): boolean {
  if (graph.outputs.length === outputs.length && outputs.every((v, i) => v === graph.outputs[i])) return false;
  if (graph.outputs.length === 1 && outputs.length === 1) {
    graph.setOutput(0, outputs[0]!);
    return true;
  }
  // There is no way to take an output away: all become one and the same, and `tidy` keeps the first.
  for (const i of graph.outputs.keys()) graph.setOutput(i, outputs[0]!);
  return true;
}

function cut(graph: Graph, value: Value): boolean {
  const type = value.inferred ?? (value.type?.kind === 'tensor' ? value.type : undefined);
  if (!type?.shape || ![...value.uses].some(use => use.kind === 'operand')) return false;
  const input = graph.addInput(freshName(graph, value.name), { ...type, kind: 'tensor' });
  for (const use of [...value.uses]) if (use.kind === 'operand') use.node.setInput(use.index, input);
  return true;
}

function freshName(graph: Graph, name: string): string {
  const taken = new Set(graph.inputs.map(v => v.name).concat([...graph.allNodes()].flatMap(n => n.outputs.map(v => v.name))));
  let fresh = `${name}_in`;
  while (taken.has(fresh)) fresh += '_';
  return fresh;
}

/** The contents of a branch in the place of an If. */
function hoist(node: Node): boolean {
  const { graph } = node;
  const [inner] = [...node.subgraphs()];
  if (!inner || !graph || node.op.name !== 'If') return false;
  for (const value of [...inner.constants]) {
    inner.constants.delete(value);
    graph.adopt(value);
  }
  for (const own of [...inner.nodes()]) {
    const copy = new Node(own.op, own.inputs, own.outputs, { attributes: own.attributes });
    graph.insertBefore(node, copy);
    for (const [i, value] of own.outputs.entries()) inner.replaceUses(value, copy.outputs[i]!);
  }
  for (const [i, value] of inner.outputs.entries()) graph.replaceUses(node.outputs[i]!, value);
  return true;
}

/** One of its operands in the place of a node. */
function bypass(node: Node, index: number): boolean {
  const value = node.inputs[index];
  const [result] = node.outputs;
  if (!value || !result || !node.graph || result.uses.size === 0) return false;
  const isOutput = [...result.uses].some(use => use.kind === 'output');
  if (isOutput && (value.owner !== node.graph || value.definition.kind !== 'result')) return false;
  if (isOutput) value.type = result.type;
  node.graph.replaceUses(result, value);
  return true;
}

function dropInput(node: Node, index: number): boolean {
  const schema = schemaOf(node.op);
  if (!schema || index < schema.minInputs || !node.inputs[index]) return false;
  node.setInput(index, undefined);
  return true;
}

/** Attributes are fixed: a node without one is another node. */
function dropAttribute(node: Node, index: number): boolean {
  const name = [...node.attributes.keys()][index];
  if (name === undefined || !node.graph || node.attributes.get(name)!.type === 'graph') return false;
  (node.attributes as Map<string, unknown>).delete(name);
  return true;
}

/** Everything that holds a tensor. */
function constantsOf(model: Model): Value[] {
  return [...bodies(model)].flatMap(({ graph }) => constantsWithin(graph));
}

function constantsWithin(graph: Graph): Value[] {
  return [...graph.constants, ...[...graph.nodes()].flatMap(node => [...node.subgraphs()].flatMap(constantsWithin))];
}

function simplify(model: Model, index: number, f: (x: number, i: number) => number): boolean {
  const value = constantsOf(model)[index];
  const tensor = value?.constant;
  if (!value || !tensor || !isFloat(tensor.dtype)) return false;
  const old = Array.from(tensor.numbers());
  const values = old.map(f);
  if (values.every((x, i) => x === old[i])) return false;
  // A number that is round already stays.
  if (old.every(x => Number.isInteger(x * 4) && Math.abs(x) < 8)) return false;
  replaceConstant(value, Tensor.of(tensor.dtype, tensor.dims, values));
  return true;
}

/** Another constant under the same name. */
export function replaceConstant(value: Value, tensor: Tensor): void {
  const graph = value.owner!;
  const { name } = value;
  graph.constants.delete(value);
  graph.replaceUses(value, graph.addConstant(name, tensor));
}

/** Short names for everything. */
function rename(model: Model): boolean {
  let next = 0;
  for (const { graph } of bodies(model)) {
    for (const value of [...graph.inputs, ...constantsWithin(graph)]) value.name = `v${next++}`;
    for (const node of graph.allNodes()) {
      (node as { name: string }).name = '';
      for (const inner of node.subgraphs()) for (const value of inner.inputs) value.name = `v${next++}`;
      for (const value of node.outputs) if (value.name !== '') value.name = `v${next++}`;
    }
  }
  return true;
}

function forgetTypes(model: Model): boolean {
  for (const { graph } of bodies(model))
    for (const node of graph.allNodes()) {
      (node as { name: string }).name = '';
      for (const value of node.outputs) if (![...value.uses].some(use => use.kind === 'output')) value.type = undefined;
    }
  return true;
}

function setIr(model: Model, version: number): boolean {
  if (model.irVersion === version || model.irVersion > 9) return false;
  model.irVersion = version;
  return true;
}

/** Takes away what nothing needs: nodes, constants, inputs, functions, outputs given twice. */
export function tidy(model: Model): void {
  model.graph = withoutTwins(model.graph);
  for (const { graph } of bodies(model)) sweep(graph);
  const { graph } = model;
  const used = graph.inputs.filter(v => v.uses.size > 0);
  if (used.length > 0) graph.inputs.splice(0, graph.inputs.length, ...used);
  const called = new Set(nodesOf(model).map(({ op }) => `${op.domain}.${op.name}`));
  const kept = model.functions.filter(f => called.has(`${f.domain}.${f.name}`));
  model.functions.splice(0, model.functions.length, ...kept);
}

function sweep(graph: Graph): void {
  for (const node of [...graph.nodesBackwards()]) {
    for (const inner of node.subgraphs()) sweep(inner);
    if (node.outputs.every(v => v.uses.size === 0)) graph.remove(node);
  }
  for (const value of [...graph.constants]) if (value.uses.size === 0) graph.constants.delete(value);
}

function withoutTwins(graph: Graph): Graph {
  const outputs = [...new Set(graph.outputs)];
  if (outputs.length === graph.outputs.length) return graph;
  return rebuilt(graph, outputs);
}

/** The same graph with other outputs. Values and nodes move over. */
function rebuilt(graph: Graph, outputs: readonly Value[]): Graph {
  const copy = new (graph.constructor as typeof Graph)(graph.name, graph.origin);
  for (const value of graph.inputs) {
    value.owner = copy;
    copy.inputs.push(value);
  }
  for (const value of graph.constants) copy.adopt(value);
  const nodes = [...graph.nodes()];
  // Outputs lose their old uses first: releasing them would release the nodes too.
  for (const [i] of graph.outputs.entries())
    graph.setOutput(i, new Node({ domain: '', name: 'Gone', overload: '', version: undefined }, [], [{ name: '' }]).outputs[0]!);
  for (const node of nodes) {
    node.previous = undefined;
    node.next = undefined;
    copy.append(node);
  }
  for (const [i, value] of outputs.entries()) copy.setOutput(i, value);
  return copy;
}
