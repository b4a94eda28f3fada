import { isFloat } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Attribute } from './attribute.ts';
import type { Node } from './node.ts';
import type { Value } from './value.ts';

/**
 * The tensor a value is known to be: an initializer that no caller can override, the literal of a Constant node in any of its forms
 * (`value`, `value_float(s)`, `value_int(s)`, `value_string(s)`, `sparse_value`), a vector that ConstantOfShape makes, or what was
 * computed of such.
 */
export function constantOf(value: Value | undefined): Tensor | undefined {
  if (value?.constant ?? value?.evaluated) return value!.constant ?? value!.evaluated;
  const node = value?.producer;
  if (node?.op.domain !== '' || !Object.hasOwn(literalOperators, node.op.name)) return undefined;
  const known = literals.get(node);
  if (known) return known;
  const literal = literalOperators[node.op.name]!(node);
  if (literal) literals.set(node, literal);
  return literal;
}

/** Larger ones are weights, which ConstantOfShape stores in little space. */
const LONGEST_VECTOR = 1 << 16;

const literalOperators: Readonly<Record<string, (node: Node) => Tensor | undefined>> = {
  Constant: ({ attributes }) => (attributes.size === 1 ? literalOf([...attributes.values()][0]!) : undefined),
  ConstantOfShape({ inputs: [shape], attributes }) {
    const dims = constantOf(shape);
    const length = dims?.size === 1 ? Number(dims.elements()[0]) : Number.NaN;
    const value = attributes.get('value');
    if (!(length >= 0 && length <= LONGEST_VECTOR) || (value && value.type !== 'tensor')) return undefined;
    const element = value?.value ?? Tensor.fill('float', [1], 0).settle();
    return element.size === 1 && isFloat(element.dtype) ? Tensor.fill(element.dtype, [length], element.numbers()[0]!).settle() : undefined;
  },
};

/** One tensor object per node, so that identity tells an untouched tensor. */
const literals = new WeakMap<object, Tensor>();

function literalOf(attribute: Attribute): Tensor | undefined {
  const text = (s: string | Uint8Array) => (typeof s === 'string' ? new TextEncoder().encode(s) : s);
  switch (attribute.type) {
    case 'tensor':
      return attribute.value;
    case 'float':
      return Tensor.of('float', [], [attribute.value]);
    case 'floats':
      return Tensor.of('float', [attribute.value.length], attribute.value);
    case 'int':
      return Tensor.of('int64', [], [attribute.value]);
    case 'ints':
      return Tensor.of('int64', [attribute.value.length], attribute.value);
    case 'string':
      return Tensor.ofStrings([], [text(attribute.value)]);
    case 'strings':
      return Tensor.ofStrings([attribute.value.length], attribute.value.map(text));
    case 'other':
      return attribute.dense;
    default:
      return undefined;
  }
}
