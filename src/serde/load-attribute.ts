import type { Attribute, AttributeValue } from '../ir/attribute.ts';
import { kindOf, kindOfCode } from './kinds.ts';
import { type Loading, loadGraph, report } from './load.ts';
import type { AttributeProto } from './onnx.generated.js';
import type { Scope } from './scope.ts';
import { denseOf } from './sparse.ts';
import { tensorOf } from './tensors.ts';
import { textOf } from './text.ts';
import { typeOf } from './types.ts';

/** An attribute; its graphs see the names in `scope`. */
export function loadAttribute(proto: AttributeProto, path: string, scope: Scope, loading: Loading): Attribute {
  return { ...contentOf(proto, path, scope, loading), origin: proto };
}

function contentOf(proto: AttributeProto, path: string, scope: Scope, loading: Loading): AttributeValue {
  const type = kindOf(proto);
  switch (type) {
    case 'reference':
      return { type, value: proto.ref_attr_name, of: kindOfCode(proto.type) };
    case 'int':
      return { type, value: proto.i };
    case 'ints':
      return { type, value: proto.ints };
    case 'float':
      return { type, value: proto.f };
    case 'floats':
      return { type, value: proto.floats };
    case 'string':
      return { type, value: textOf(proto.s) };
    case 'strings':
      return { type, value: proto.strings.map(textOf) };
    case 'tensor':
      if (proto.t) return { type, value: tensorOf(proto.t, loading.files, `${path}.t`) };
      break;
    case 'tensors':
      return { type, value: proto.tensors.map((t, i) => tensorOf(t, loading.files, `${path}.tensors[${i}]`)) };
    case 'graph':
      if (proto.g) return { type, value: loadGraph(proto.g, `${path}.g`, scope, loading) };
      break;
    case 'graphs':
      return { type, value: proto.graphs.map((g, i) => loadGraph(g, `${path}.graphs[${i}]`, scope, loading)) };
    case 'type_proto':
      return { type, value: typeOf(proto.tp) ?? { kind: 'other' } };
    case 'type_protos':
      return { type, value: proto.type_protos.map(t => typeOf(t) ?? { kind: 'other' }) };
    case 'other': {
      const dense = proto.sparse_tensor && denseOf(proto.sparse_tensor, loading.files, `${path}.sparse_tensor`);
      return { type, value: undefined, ...(dense && { dense }) };
    }
  }
  report(loading, path, `the attribute '${proto.name}' has no value`);
  return { type: 'other', value: undefined };
}
