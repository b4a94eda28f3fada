import type { Attribute } from '../ir/attribute.ts';
import { cloneNode } from '../ir/clone.ts';
import type { FunctionDef } from '../ir/model.ts';
import type { Names } from '../ir/names.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';

/** A call of a model-local function: its operands and attributes. */
export interface Call {
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** What the names of the copies begin with, such as the name of the call's first result. */
  readonly label: string;
  /** What the copies are marked with. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/**
 * The body of a function with a call's operands and attributes in place of its inputs and `@references`: detached nodes, and the
 * values that stand for its outputs. An attribute that the call leaves out takes the function's default; where there is none, the
 * attribute that refers to it is left out, as the ONNX specification says.
 */
export function instantiate(f: FunctionDef, call: Call, names: Names): { nodes: Node[]; outputs: Value[] } {
  const rename = (name: string) => names.fresh(`${call.label}_${name}`);
  const renameNode = (name: string) => name && names.freshNode(`${call.label}/${name}`);
  // An absent operand has no value to map to: the copy loses that input below.
  const values = new Map<Value, Value>();
  const absent = new Set<Value>();
  for (const [i, formal] of f.body.inputs.entries()) {
    const actual = call.inputs[i];
    if (actual) values.set(formal, actual);
    else absent.add(formal);
  }
  const resolve = (attribute: Attribute) =>
    attribute.type === 'reference' ? (call.attributes.get(attribute.value) ?? f.defaults.get(attribute.value)) : attribute;
  const nodes: Node[] = [];
  for (const node of f.body.nodes()) {
    const copy = cloneNode(node, values, { rename, renameNode, resolve, ...(call.metadata && { metadata: call.metadata }) });
    for (const [i, value] of copy.inputs.entries()) if (value && absent.has(value)) copy.setInput(i, undefined);
    nodes.push(copy);
  }
  return { nodes, outputs: f.body.outputs.map(v => values.get(v) ?? v) };
}
