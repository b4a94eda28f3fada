import { fingerprintOf } from '../tensor/fingerprint.ts';
import type { Attribute } from './attribute.ts';
import { plain, sameValue } from './attrs.ts';
import type { Node } from './node.ts';
import { schemaOf } from './op.ts';
import type { Value } from './value.ts';

/**
 * What only nodes have in common that compute the same: operator, attributes (defaults left out), operands, and which results they give.
 * Undefined for a node that may compute another thing each time, or that holds graphs. `idOf` tells operands apart.
 */
export function nodeKey({ op, inputs, outputs, attributes }: Node, idOf: (value: Value) => number): string | undefined {
  const schema = schemaOf(op);
  if (!schema?.deterministic) return undefined;
  const parts = [`${op.domain}:${op.name}:${op.overload}`];
  for (const [name, attribute] of [...attributes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const known = schema.attributes.get(name);
    if (known?.type === attribute.type && sameValue(plain(attribute), known.default)) continue;
    const key = attributeKey(attribute);
    if (key === undefined) return undefined;
    parts.push(`${name} ${attribute.type} ${key}`);
  }
  parts.push(inputs.map(v => (v ? idOf(v) : '')).join(), outputs.map(o => (o.name === '' ? '' : 'x')).join());
  return parts.join('\n');
}

function attributeKey(attribute: Attribute): string | undefined {
  const text = (s: string | Uint8Array) => (typeof s === 'string' ? `s${JSON.stringify(s)}` : `b${s.join()}`);
  switch (attribute.type) {
    case 'int':
      return String(attribute.value);
    case 'ints':
      return attribute.value.join();
    case 'float':
      return exact(attribute.value);
    case 'floats':
      return attribute.value.map(exact).join();
    case 'string':
      return text(attribute.value);
    case 'strings':
      return attribute.value.map(text).join();
    case 'tensor':
      return fingerprintOf(attribute.value);
    case 'tensors':
      return attribute.value.map(fingerprintOf).join();
    case 'reference':
      return `@${attribute.value}`;
    default:
      return undefined;
  }
}

/** A number so that 0 and −0 differ. */
const exact = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));
