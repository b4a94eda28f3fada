import { Tensor } from '../tensor/tensor.ts';
import type { Attribute } from './attribute.ts';
import type { Value } from './value.ts';

/**
 * The tensor a value is known to be without computing anything: an initializer that no caller can override, or the literal of a
 * Constant node in any of its forms (`value`, `value_float(s)`, `value_int(s)`, `value_string(s)`, `sparse_value`).
 */
export function constantOf(value: Value | undefined): Tensor | undefined {
  if (value?.constant) return value.constant;
  const node = value?.producer;
  if (node?.op.name !== 'Constant' || node.op.domain !== '' || node.attributes.size !== 1) return undefined;
  const known = literals.get(node);
  if (known) return known;
  const literal = literalOf([...node.attributes.values()][0]!);
  if (literal) literals.set(node, literal);
  return literal;
}

/** One tensor object per Constant node, so that identity tells an untouched tensor. */
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
