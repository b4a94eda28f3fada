import type { Dim, TensorType, ValueType } from '../ir/value.ts';
import { codeOfDtype, dtypeOfCode } from '../tensor/dtype.ts';
import { has, revise } from './message.ts';
import { type DimensionProto, onnx, type TensorShapeProto, type TensorTypeProto, type TypeProto } from './onnx.generated.js';

/** The type a TypeProto stands for; undefined where it says nothing. */
export function typeOf(proto: TypeProto | null): ValueType | undefined {
  if (!proto) return undefined;
  if (proto.tensor_type) return tensorTypeOf('tensor', proto.tensor_type);
  if (proto.sparse_tensor_type) return tensorTypeOf('sparse', proto.sparse_tensor_type);
  if (proto.sequence_type) return { kind: 'sequence', of: typeOf(proto.sequence_type.elem_type) ?? other };
  if (proto.optional_type) return { kind: 'optional', of: typeOf(proto.optional_type.elem_type) ?? other };
  if (proto.map_type) return { kind: 'map', key: dtypeOfCode(proto.map_type.key_type), of: typeOf(proto.map_type.value_type) ?? other };
  return proto.$unknowns ? other : undefined;
}

const other: ValueType = { kind: 'other' };

function tensorTypeOf(kind: TensorType['kind'], { elem_type, shape }: TensorTypeProto): TensorType {
  return { kind, dtype: dtypeOfCode(elem_type), shape: shape?.dim.map(dimOf) };
}

/** Sizes that can't be (negative, beyond 2^53) are unknown. */
function dimOf(proto: DimensionProto): Dim {
  if (has(proto, 'dim_param')) return proto.dim_param || undefined;
  if (!has(proto, 'dim_value') || proto.dim_value < 0n) return undefined;
  const size = Number(proto.dim_value);
  return Number.isSafeInteger(size) ? size : undefined;
}

/** The TypeProto of a type; denotations and all else that `origin` says beyond it are kept. */
export function typeProto(type: ValueType | undefined, origin: TypeProto | null): TypeProto | null {
  const known = typeOf(origin);
  if (sameType(type, known) || !type || type.kind === 'other') return origin;
  const nothing = {
    tensor_type: undefined,
    sparse_tensor_type: undefined,
    sequence_type: undefined,
    optional_type: undefined,
    map_type: undefined,
  };
  // A type of a kind we don't know lives among the unknown fields: it must not stay beside the new one.
  const base = known?.kind === 'other' ? undefined : (origin ?? undefined);
  switch (type.kind) {
    case 'tensor':
      return revise(onnx.TypeProto, base, { ...nothing, tensor_type: tensorTypeProto(type, base?.tensor_type) });
    case 'sparse':
      return revise(onnx.TypeProto, base, { ...nothing, sparse_tensor_type: tensorTypeProto(type, base?.sparse_tensor_type) });
    case 'sequence': {
      const old = base?.sequence_type;
      const sequence_type = revise(onnx.ElementTypeProto, old ?? undefined, { elem_type: typeProto(type.of, old?.elem_type ?? null) });
      return revise(onnx.TypeProto, base, { ...nothing, sequence_type });
    }
    case 'optional': {
      const old = base?.optional_type;
      const optional_type = revise(onnx.ElementTypeProto, old ?? undefined, { elem_type: typeProto(type.of, old?.elem_type ?? null) });
      return revise(onnx.TypeProto, base, { ...nothing, optional_type });
    }
    case 'map': {
      const old = base?.map_type;
      const value_type = typeProto(type.of, old?.value_type ?? null);
      const map_type = revise(onnx.MapTypeProto, old ?? undefined, { key_type: codeOfDtype(type.key), value_type });
      return revise(onnx.TypeProto, base, { ...nothing, map_type });
    }
  }
}

function tensorTypeProto(type: TensorType, origin: TensorTypeProto | null | undefined): TensorTypeProto {
  const fields = { elem_type: codeOfDtype(type.dtype), shape: shapeProto(type.shape, origin?.shape) };
  return revise(onnx.TensorTypeProto, origin ?? undefined, fields);
}

function shapeProto(shape: readonly Dim[] | undefined, origin: TensorShapeProto | null | undefined): TensorShapeProto | undefined {
  return shape && revise(onnx.TensorShapeProto, origin ?? undefined, { dim: shape.map((dim, i) => dimProto(dim, origin?.dim[i])) });
}

function dimProto(dim: Dim, origin: DimensionProto | undefined): DimensionProto {
  if (origin && dimOf(origin) === dim) return origin;
  const blank = origin && revise(onnx.DimensionProto, origin, { dim_value: undefined, dim_param: undefined });
  const next = Object.assign(new onnx.DimensionProto(), blank);
  // Set by hand: a size of 0 reads like an absent one, and must not stay absent.
  if (typeof dim === 'number') return Object.assign(next, { dim_value: BigInt(dim) });
  return dim === undefined ? next : Object.assign(next, { dim_param: dim });
}

/** Whether two types say the same. */
function sameType(a: ValueType | undefined, b: ValueType | undefined): boolean {
  if (a === b) return true;
  if (!a || !b || a.kind !== b.kind) return false;
  if ('shape' in a && 'shape' in b) {
    return a.dtype === b.dtype && a.shape?.length === b.shape?.length && (a.shape ?? []).every((dim, i) => dim === b.shape?.[i]);
  }
  if ('key' in a && 'key' in b && a.key !== b.key) return false;
  return 'of' in a && 'of' in b ? sameType(a.of, b.of) : true;
}
