import type { Attribute } from '../src/ir/attribute.ts';
import { attributeFor } from '../src/ir/attrs.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Model } from '../src/ir/model.ts';
import { Names } from '../src/ir/names.ts';
import { Node } from '../src/ir/node.ts';
import { opOf, schemaOf } from '../src/ir/op.ts';
import type { Value } from '../src/ir/value.ts';
import { Tensor } from '../src/tensor/tensor.ts';

/** Attributes as plain values; undefined takes one away. */
export type Plain = Readonly<Record<string, unknown>>;

/** What a new node may use: a tensor becomes a constant. */
export type Operand = Value | Tensor | undefined;

/** The nodes of a model's graph that apply one of these operators, in order. */
export function nodesOf({ graph }: Model, ...operators: readonly string[]): Node[] {
  return [...graph.nodes()].filter(({ op }) => op.domain === '' && operators.includes(op.name));
}

/** The constant that is operand `index` of a node: an initializer, or the result of a Constant node. */
export const constantAt = (node: Node, index: number): Tensor | undefined => constantOf(node.inputs[index]);

/** The one node that uses a value, where it is used once. */
export function onlyUser(value: Value): Node | undefined {
  const [use, other] = value.uses;
  return use?.kind === 'operand' && !other ? use.node : undefined;
}

/** Puts a node before `at`, or last. */
export function insert(model: Model, at: Node | undefined, operator: string, operands: readonly Operand[], attrs: Plain = {}, results = 1) {
  const names = new Names(model);
  const outputs = Array.from({ length: results }, () => ({ name: names.fresh(`mutated_${operator}`) }));
  const node = new Node(opOf('', operator, '', model.opsets), lift(model, operands, names), outputs, {
    attributes: encoded(model, operator, new Map(), attrs),
  });
  model.graph.insertBefore(at, node);
  return node;
}

/** Puts another operator, other operands or attributes in the place of a node; its results keep their names. */
export function replace(
  model: Model,
  node: Node,
  operator: string,
  operands: readonly Operand[],
  attributes: ReadonlyMap<string, Attribute>,
) {
  const { graph } = model;
  const results = node.outputs.map(({ name, type }) => ({ name, type }));
  const given = operands.slice(0, operands.findLastIndex(o => o !== undefined) + 1);
  const other = new Node(opOf('', operator, '', model.opsets), lift(model, given, new Names(model)), results, {
    name: node.name,
    attributes,
  });
  graph.insertBefore(node, other);
  for (const [i, old] of node.outputs.entries()) graph.replaceUses(old, other.outputs[i]!);
  const before = [...node.inputs];
  graph.remove(node);
  for (const value of before) if (value?.constant && value.uses.size === 0) value.owner?.constants.delete(value);
  return other;
}

/** The same node as another operator, with these attributes alone. */
export const become = (model: Model, node: Node, operator: string, operands: readonly Operand[], attrs: Plain = {}) =>
  replace(model, node, operator, operands, encoded(model, operator, new Map(), attrs));

/** The same node with some attributes changed. */
export const withAttributes = (model: Model, node: Node, attrs: Plain) =>
  replace(model, node, node.op.name, node.inputs, encoded(model, node.op.name, node.attributes, attrs));

/** The same node with operand `index` exchanged. */
export const withOperand = (model: Model, node: Node, index: number, operand: Operand) =>
  replace(model, node, node.op.name, Object.assign([...node.inputs], { [index]: operand }), node.attributes);

/** Uses of a node's first result become uses of `value`; an output keeps its name. */
export function bypass(model: Model, node: Node, value: Value): void {
  const [result] = node.outputs;
  if ([...result!.uses].some(use => use.kind === 'output')) become(model, node, 'Identity', [value]);
  else {
    model.graph.replaceUses(result!, value);
    model.graph.sweepFrom(node);
  }
}

/** What `operator` makes of output `index` takes its place and its name. */
export function wrapOutput(
  model: Model,
  index: number,
  operator: string,
  operands: readonly Operand[],
  attrs: Plain,
  type: Value['type'],
): void {
  const old = model.graph.outputs[index]!;
  const { name } = old;
  old.name = new Names(model).fresh(`${name}_before`);
  const [result] = insert(model, undefined, operator, [old, ...operands], attrs).outputs;
  result!.name = name;
  result!.type = type;
  old.type = undefined;
  model.graph.setOutput(index, result!);
}

/** A tensor of the same type and shape, its elements changed. */
export const mapped = (t: Tensor, change: (x: number, i: number) => number): Tensor =>
  Tensor.of(t.dtype, t.dims, Float64Array.from(t.numbers(), change));

/** The elements in another order: element i is what was element `from(i)`. */
export function reordered(t: Tensor, from: (i: number) => number): Tensor {
  const values = t.numbers();
  return mapped(t, (_, i) => values[from(i)]!);
}

/** Elements of one slice along the first axis. */
export const sliceSize = (t: Tensor): number => t.size / t.dims[0]!;

/** The slices along the first axis in another order. */
export function slicesReordered(t: Tensor, from: (slice: number) => number): Tensor {
  const size = sliceSize(t);
  return reordered(t, i => from(Math.floor(i / size)) * size + (i % size));
}

function lift(model: Model, operands: readonly Operand[], names: Names): (Value | undefined)[] {
  return operands.map(o => (o instanceof Tensor ? model.graph.addConstant(names.fresh('mutated'), o) : o));
}

/** @throws TypeError when the operator has no attribute of that name */
function encoded(model: Model, operator: string, given: ReadonlyMap<string, Attribute>, attrs: Plain): Map<string, Attribute> {
  const schema = schemaOf(opOf('', operator, '', model.opsets));
  const attributes = new Map(given);
  for (const [name, value] of Object.entries(attrs)) {
    attributes.delete(name);
    if (value === undefined) continue;
    const type = schema?.attributes.get(name)?.type;
    if (!type) throw new TypeError(`${operator} has no attribute ${name}`);
    attributes.set(name, attributeFor(type, value));
  }
  return attributes;
}
