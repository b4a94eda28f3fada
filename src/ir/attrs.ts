import type { OpName, Ops } from '../ops/schema.ts';
import type { Attribute } from './attribute.ts';
import type { Graph } from './graph.ts';
import type { Node } from './node.ts';
import { schemaOf } from './op.ts';

/** The attributes of an operator, typed over all its versions. */
export type Attrs<K extends OpName> = Ops<Graph>[K]['attrs'];

/** A plain value for rules: int64 becomes number, and INT64_MAX and its like the nearest one. */
export function plain(attribute: Attribute): unknown {
  switch (attribute.type) {
    case 'int':
      return Number(attribute.value);
    case 'ints':
      return attribute.value.map(Number);
    case 'reference':
    case 'other':
      return undefined;
    default:
      return attribute.value;
  }
}

/** The attributes of a node, defaults of its operator's version filled in. What the version does not have is undefined. */
export function attrsOf<K extends OpName>(node: Node, _op: K): Attrs<K> {
  const attrs: Record<string, unknown> = {};
  for (const [name, schema] of schemaOf(node.op)?.attributes ?? []) attrs[name] = schema.default;
  for (const [name, attribute] of node.attributes) attrs[name] = plain(attribute);
  return attrs as Attrs<K>;
}

/** The attribute for a plain value. @throws TypeError when the operator's version has no attribute of that name. */
export function attributeFor(type: string, value: unknown): Attribute {
  const int = (x: unknown) => BigInt.asIntN(64, x === 2 ** 63 ? 2n ** 63n - 1n : BigInt(x as number));
  if (type === 'int') return { type, value: int(value) };
  if (type === 'ints') return { type, value: (value as readonly number[]).map(int) };
  return { type, value } as Attribute;
}

/** Whether two plain attribute values are the same. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
  return Object.is(a, b);
}
