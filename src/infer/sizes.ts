import { knownSetting, settingOf } from '../functions/operands.ts';
import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Dim, Value } from '../ir/value.ts';
import type { OpName } from '../ops/schema.ts';

/** A vector of integers, or one: numbers, symbols such as N, or nothing known. */
export interface Sizes {
  /** [] or [n]. */
  readonly dims: readonly number[];
  readonly values: readonly Dim[];
}

/** Longer vectors are no shapes. */
const LONGEST = 64;
/** Operators between a size and where it is used. */
const DEEPEST = 64;

/** What is known of a value of int64 that is computed of sizes. */
export function sizesIn(value: Value | undefined, seen = new Map<Value, Sizes | undefined>(), depth = 0): Sizes | undefined {
  if (!value || seen.has(value)) return value && seen.get(value);
  const sizes = computed(value, seen, depth);
  seen.set(value, sizes);
  return sizes;
}

function computed(value: Value, seen: Map<Value, Sizes | undefined>, depth: number): Sizes | undefined {
  const tensor = constantOf(value);
  if (tensor) {
    const isSize = tensor.size <= LONGEST && tensor.rank <= 1 && tensor.dtype === 'int64';
    return isSize ? { dims: tensor.dims, values: Array.from(tensor.numbers()) } : undefined;
  }
  const node = value.producer;
  if (value.dtype !== undefined && value.dtype !== 'int64') return undefined;
  if (node?.op.domain !== '' || depth > DEEPEST || !Object.hasOwn(operators, node.op.name)) return undefined;
  return operators[node.op.name as OpName]!(node, v => sizesIn(v, seen, depth + 1));
}

type Operator = (node: Node, of: (value: Value | undefined) => Sizes | undefined) => Sizes | undefined;

const vector = (values: Sizes['values']): Sizes => ({ dims: [values.length], values });

/** Arithmetic of two sizes, or of one with each of a vector. */
const arithmetic =
  (compute: (a: number, b: number) => number): Operator =>
  ({ inputs }, of) => {
    const [a, b] = [of(inputs[0]), of(inputs[1])];
    if (!a || !b || (a.values.length !== b.values.length && a.values.length !== 1 && b.values.length !== 1)) return undefined;
    const longer = a.dims.length > b.dims.length || (a.dims.length === b.dims.length && a.values.length >= b.values.length) ? a : b;
    if (longer.values.length < Math.max(a.values.length, b.values.length)) return undefined;
    const at = (s: Sizes, i: number) => s.values[s.values.length === 1 ? 0 : i];
    const values = longer.values.map((_, i) => {
      const [x, y] = [at(a, i), at(b, i)];
      const result = typeof x === 'number' && typeof y === 'number' ? compute(x, y) : undefined;
      return result !== undefined && Number.isSafeInteger(result) ? result : undefined;
    });
    return { dims: longer.dims, values };
  };

const operators: Readonly<Partial<Record<OpName, Operator>>> = {
  Identity: ({ inputs }, of) => of(inputs[0]),
  // INT64; a size that is cast to something else and back is computed by the runtime.
  Cast: (node, of) => (Number(attrsOf(node, 'Cast').to) === 7 ? of(node.inputs[0]) : undefined),
  Squeeze({ inputs }, of) {
    const size = of(inputs[0]);
    return size?.dims[0] === 1 ? { dims: [], values: size.values } : undefined;
  },
  Unsqueeze(node, of) {
    const size = of(node.inputs[0]);
    return size?.dims.length === 0 && knownSetting(node, 'axes')?.length === 1 ? vector(size.values) : undefined;
  },
  Shape({ inputs: [x], attributes }) {
    const at = (name: string) => {
      const attribute = attributes.get(name);
      return attribute?.type === 'int' ? Number(attribute.value) : undefined;
    };
    const dims = x?.sureShape;
    return dims && vector(dims.slice(at('start') ?? 0, at('end')));
  },
  Gather(node, of) {
    const data = of(node.inputs[0]);
    const at = of(node.inputs[1]);
    if (data?.dims.length !== 1 || !at) return undefined;
    const { length } = data.values;
    return { dims: at.dims, values: at.values.map(i => (typeof i === 'number' ? data.values[i < 0 ? i + length : i] : undefined)) };
  },
  Slice(node, of) {
    const data = of(node.inputs[0]);
    const [starts, ends, axes, steps] = [
      knownSetting(node, 'starts'),
      knownSetting(node, 'ends'),
      settingOf(node, 'axes'),
      settingOf(node, 'steps'),
    ];
    const plain = (steps === undefined || (steps !== 'computed' && steps[0] === 1)) && axes !== 'computed';
    return data && plain && starts?.length === 1 && ends?.length === 1 ? vector(data.values.slice(starts[0], ends[0])) : undefined;
  },
  Concat(node, of) {
    const parts = node.inputs.map(of);
    return parts.every(part => part?.dims.length === 1) ? vector(parts.flatMap(part => part!.values)) : undefined;
  },
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  // Of integers, towards zero.
  Div: arithmetic((a, b) => (b === 0 ? Number.NaN : Math.trunc(a / b))),
};

/** The operators that sizes are computed with. */
export const sizeOperators = Object.keys(operators) as OpName[];
