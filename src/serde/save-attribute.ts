import type { Attribute } from '../ir/attribute.ts';
import { codeOfKind, kindOf, kinds } from './kinds.ts';
import { revise } from './message.ts';
import { type AttributeProto, onnx } from './onnx.generated.js';
import { graphProto, type Saving } from './save.ts';
import type { Scope } from './scope.ts';
import { tensorProto } from './tensors.ts';
import { bytesOf, textOf } from './text.ts';
import { typeProto } from './types.ts';

/** The message of an attribute; its graphs see the names in `scope`. */
export function attributeProto(name: string, attribute: Attribute, path: string, scope: Scope, saving: Saving): AttributeProto {
  const origin = attribute.origin as AttributeProto | undefined;
  const old = origin && kindOf(origin) === attribute.type ? origin : undefined;
  if (attribute.type === 'other') {
    if (!old) saving.problems.push({ where: path, message: 'an attribute of an unknown kind can only be kept, not made' });
    return revise(onnx.AttributeProto, old, { name });
  }
  // A kind that the file did not say (before IR version 2) stays unsaid.
  const type = attribute.type === 'reference' ? codeOfKind(attribute.of) : kinds[attribute.type].code;
  return revise(onnx.AttributeProto, old, { name, type: old?.type === 0 ? 0 : type, ...fieldsOf(attribute, old, path, scope, saving) });
}

function fieldsOf(
  attribute: Exclude<Attribute, { type: 'other' }>,
  old: AttributeProto | undefined,
  path: string,
  scope: Scope,
  saving: Saving,
): Partial<AttributeProto> {
  switch (attribute.type) {
    case 'reference':
      return { ref_attr_name: attribute.value };
    case 'int':
      return { i: attribute.value };
    case 'ints':
      return { ints: attribute.value };
    case 'float':
      return { f: attribute.value };
    case 'floats':
      return { floats: attribute.value };
    case 'string':
      return { s: old && textOf(old.s) === attribute.value ? old.s : bytesOf(attribute.value) };
    case 'strings':
      return { strings: attribute.value.map(bytesOf) };
    case 'tensor':
      return { t: saving.place(tensorProto(attribute.value, old?.t?.name ?? '', old?.t), attribute.value) };
    case 'tensors':
      return { tensors: attribute.value.map((t, i) => saving.place(tensorProto(t, old?.tensors[i]?.name ?? '', old?.tensors[i]), t)) };
    case 'graph':
      return { g: graphProto(attribute.value, `${path}.g`, scope, saving) };
    case 'graphs':
      return { graphs: attribute.value.map((g, i) => graphProto(g, `${path}.graphs[${i}]`, scope, saving)) };
    case 'type_proto':
      return { tp: typeProto(attribute.value, old?.tp ?? null) };
    case 'type_protos':
      return { type_protos: attribute.value.map((t, i) => typeProto(t, old?.type_protos[i] ?? null) ?? new onnx.TypeProto()) };
  }
}
