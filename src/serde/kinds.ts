import type { AttributeType } from '../ir/attribute.ts';
import { has } from './message.ts';
import type { AttributeProto } from './onnx.generated.js';

/** AttributeProto.AttributeType: each kind's code and the field that holds its value. */
export const kinds = {
  float: { code: 1, field: 'f' },
  int: { code: 2, field: 'i' },
  string: { code: 3, field: 's' },
  tensor: { code: 4, field: 't' },
  graph: { code: 5, field: 'g' },
  floats: { code: 6, field: 'floats' },
  ints: { code: 7, field: 'ints' },
  strings: { code: 8, field: 'strings' },
  tensors: { code: 9, field: 'tensors' },
  graphs: { code: 10, field: 'graphs' },
  type_proto: { code: 13, field: 'tp' },
  type_protos: { code: 14, field: 'type_protos' },
} as const satisfies Record<string, { code: number; field: keyof AttributeProto }>;

export type Kind = keyof typeof kinds;

const entries = Object.entries(kinds) as [Kind, (typeof kinds)[Kind]][];
const byCode = new Map<number, Kind>(entries.map(([kind, { code }]) => [code, kind]));

/** The kind under a code: `sparse_tensor(s)` and kinds yet to come are named by their number. */
export function kindOfCode(code: number): Kind | `kind${number}` {
  return byCode.get(code) ?? `kind${code}`;
}

/** The code of a kind named by `kindOfCode`. */
export function codeOfKind(kind: string): number {
  return Object.hasOwn(kinds, kind) ? kinds[kind as Kind].code : Number(kind.replace(/^kind/, '')) || 0;
}

/** What kind of attribute a message is. Files from before IR version 2 don't say it: there the field that is present tells. */
export function kindOf(proto: AttributeProto): AttributeType {
  if (proto.ref_attr_name) return 'reference';
  if (proto.type !== 0) return byCode.get(proto.type) ?? 'other';
  return entries.find(([, { field }]) => has(proto, field))?.[0] ?? 'other';
}
