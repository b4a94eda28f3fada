import { elementTypeAttributes, isGenerator } from '../ops/facts.ts';
import type { FormalTypes, OperatorVersion } from '../ops/schema.ts';
import { type DType, dtypeOfCode } from '../tensor/dtype.ts';
import type { Node } from './node.ts';
import { displayOp } from './op.ts';
import type { Value } from './value.ts';

/**
 * Follows element types through a graph, node by node in topological order, and names operands that an operator does not take, or not
 * together, and results that are declared as something else. What is not known for sure is passed over.
 */
export class TypeCheck {
  /** Of results, where their operators say it. */
  readonly #known = new Map<Value, DType>();

  visit(node: Node, schema: OperatorVersion, say: (message: string) => void): void {
    const bound = new Map<string, { readonly dtype: DType; readonly index: number }>();
    const { inputs, outputs } = schema.signature;
    for (const [i, value] of node.inputs.entries()) {
      const formal = inputs[i] ?? inputs.at(-1);
      const dtype = value && this.dtypeOf(value);
      if (!formal || !value) continue;
      const nameOf = (index: number) => `${schema.inputs[Math.min(index, inputs.length - 1)]} (${node.inputs[index]!.name})`;
      const kind = value.type?.kind;
      if (dtype && formal.dtypes.size === 0) say(`its input ${nameOf(i)} is a tensor, but ${displayOp(node.op)} takes none`);
      if (kind && beyond.has(kind) && !formal.beyondTensors)
        say(`its input ${nameOf(i)} is a ${kind}, but ${displayOp(node.op)} takes tensors`);
      if (!dtype || formal.dtypes.size === 0) continue;
      if (!takes(formal, dtype)) say(`its input ${nameOf(i)} is ${dtype}, but ${displayOp(node.op)} takes ${listed(formal.dtypes)}`);
      const { letter } = formal;
      const before = letter === undefined ? undefined : bound.get(letter);
      if (letter !== undefined && !before) bound.set(letter, { dtype, index: i });
      else if (before && before.dtype !== dtype) {
        say(`its inputs must be of one element type: ${nameOf(before.index)} is ${before.dtype}, ${nameOf(i)} is ${dtype}`);
        return;
      }
    }
    for (const [i, value] of node.outputs.entries()) {
      const formal = outputs[i] ?? outputs.at(-1);
      if (formal) this.#define(value, resultOf(node, schema, formal, bound), say);
    }
  }

  #define(value: Value, dtype: DType | undefined, say: (message: string) => void): void {
    if (dtype === undefined) return;
    this.#known.set(value, dtype);
    const { type } = value;
    if (type?.kind === 'tensor' && isSaid(type.dtype) && type.dtype !== dtype)
      say(`its result ${value.name} is declared as ${type.dtype}, but is ${dtype}`);
  }

  /** The element type of a value, where the nodes before it tell, or the file. */
  dtypeOf(value: Value): DType | undefined {
    const known = this.#known.get(value) ?? value.constant?.dtype;
    if (known !== undefined) return known;
    const declared = value.type?.kind === 'tensor' ? value.type.dtype : undefined;
    return declared !== undefined && isSaid(declared) ? declared : undefined;
  }
}

/** The element type of a result: that of the operands it shares a letter with, the one that an attribute names, or the only one there is. */
function resultOf(
  node: Node,
  schema: OperatorVersion,
  { dtypes, beyondTensors, letter }: FormalTypes,
  bound: ReadonlyMap<string, { readonly dtype: DType }>,
) {
  if (letter === undefined) return undefined;
  const shared = bound.get(letter)?.dtype;
  if (shared !== undefined || beyondTensors) return shared;
  if (dtypes.size === 1) return [...dtypes][0] as DType;
  return literalType(node) ?? namedType(node, schema);
}

function namedType(node: Node, schema: OperatorVersion): DType | undefined {
  for (const name of elementTypeAttributes) {
    const known = schema.attributes.get(name);
    if (known?.type !== 'int') continue;
    const given = node.attributes.get(name);
    // A function's body may take the type from its caller.
    const code = given?.type === 'int' ? Number(given.value) : given === undefined && typeof known.default === 'number' ? known.default : 0;
    return code === 0 ? undefined : dtypeOfCode(code);
  }
  return undefined;
}

/** What Constant and ConstantOfShape make. */
function literalType(node: Node): DType | undefined {
  const value = node.attributes.get('value');
  if (value?.type === 'tensor') return value.value.dtype;
  if (value === undefined && isGenerator(node.op)) return 'float';
  for (const [name, dtype] of literalTypes) if (node.attributes.get(name)?.type === name.slice('value_'.length)) return dtype;
  return undefined;
}

const literalTypes = [
  ['value_float', 'float'],
  ['value_floats', 'float'],
  ['value_int', 'int64'],
  ['value_ints', 'int64'],
  ['value_string', 'string'],
  ['value_strings', 'string'],
] as const;

/** Kinds of values that are no tensors. */
const beyond: ReadonlySet<string> = new Set(['sequence', 'optional', 'map']);

const isSaid = (dtype: DType) => dtype !== dtypeOfCode(0);

/** Exporters write bfloat16 where an operator set is too old to list it; whoever has kernels for it does not mind. */
function takes({ dtypes, beyondTensors }: FormalTypes, dtype: DType): boolean {
  return beyondTensors || dtypes.has(dtype) || (dtype === 'bfloat16' && dtypes.has('float16'));
}

function listed(dtypes: ReadonlySet<string>): string {
  return [...dtypes].join(', ');
}
