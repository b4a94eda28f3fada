/**
 * ONNX element types under their names in ONNX's textual syntax.
 * `code` is TensorProto.DataType, `bits` the size of one stored element (0: not of fixed size).
 */
export const dtypes = {
  undefined: { code: 0, bits: 0, kind: 'other' },
  float: { code: 1, bits: 32, kind: 'float' },
  uint8: { code: 2, bits: 8, kind: 'integer' },
  int8: { code: 3, bits: 8, kind: 'integer' },
  uint16: { code: 4, bits: 16, kind: 'integer' },
  int16: { code: 5, bits: 16, kind: 'integer' },
  int32: { code: 6, bits: 32, kind: 'integer' },
  int64: { code: 7, bits: 64, kind: 'integer' },
  string: { code: 8, bits: 0, kind: 'string' },
  bool: { code: 9, bits: 8, kind: 'bool' },
  float16: { code: 10, bits: 16, kind: 'float' },
  double: { code: 11, bits: 64, kind: 'float' },
  uint32: { code: 12, bits: 32, kind: 'integer' },
  uint64: { code: 13, bits: 64, kind: 'integer' },
  complex64: { code: 14, bits: 64, kind: 'complex' },
  complex128: { code: 15, bits: 128, kind: 'complex' },
  bfloat16: { code: 16, bits: 16, kind: 'float' },
  float8e4m3fn: { code: 17, bits: 8, kind: 'float' },
  float8e4m3fnuz: { code: 18, bits: 8, kind: 'float' },
  float8e5m2: { code: 19, bits: 8, kind: 'float' },
  float8e5m2fnuz: { code: 20, bits: 8, kind: 'float' },
  uint4: { code: 21, bits: 4, kind: 'integer' },
  int4: { code: 22, bits: 4, kind: 'integer' },
  float4e2m1: { code: 23, bits: 4, kind: 'float' },
  float8e8m0: { code: 24, bits: 8, kind: 'float' },
  uint2: { code: 25, bits: 2, kind: 'integer' },
  int2: { code: 26, bits: 2, kind: 'integer' },
} as const;

export type KnownDType = keyof typeof dtypes;

/** A known element type, or `dtype27` for a code that is newer than this table: carried, never computed with. */
export type DType = KnownDType | `dtype${number}`;

const byCode = new Map<number, KnownDType>(Object.entries(dtypes).map(([name, d]) => [d.code, name as KnownDType]));

/** The element type of a TensorProto.DataType code. */
export function dtypeOfCode(code: number): DType {
  return byCode.get(code) ?? `dtype${code}`;
}

/** The TensorProto.DataType code of an element type. */
export function codeOfDtype(dtype: DType): number {
  return isKnown(dtype) ? dtypes[dtype].code : Number(dtype.slice('dtype'.length));
}

export function isKnown(dtype: string): dtype is KnownDType {
  return Object.hasOwn(dtypes, dtype);
}

export function isInteger(dtype: DType): boolean {
  return isKnown(dtype) && dtypes[dtype].kind === 'integer';
}

export function isFloat(dtype: DType): boolean {
  return isKnown(dtype) && dtypes[dtype].kind === 'float';
}

/** The largest finite number of a float type that is made for arithmetic. */
export function largest(dtype: DType): number {
  const exponent = dtype === 'double' ? 1023 : dtype === 'float16' ? 15 : 127;
  return (2 - 2 ** (1 - (digits[dtype] ?? 24))) * 2 ** exponent;
}

/** The float types that are made for arithmetic. */
export const precisions = ['double', 'float', 'float16', 'bfloat16'] as const satisfies readonly KnownDType[];
export type Precision = (typeof precisions)[number];

/** Binary digits of the float types that are made for arithmetic. */
const digits: Readonly<Record<string, number>> = { bfloat16: 8, float16: 11, float: 24, double: 53 };

/** Whether every value of one type is a value of the other: of integers from 8 bits on, bool, and the floats made for arithmetic. */
export function holds(wide: DType, narrow: DType): boolean {
  if (wide === narrow) return true;
  if (!isKnown(wide) || !isKnown(narrow)) return false;
  const [to, from] = [dtypes[wide], dtypes[narrow]];
  if (digits[narrow]) return wide === 'double' || (wide === 'float' && from.bits === 16);
  const isNumeric = digits[wide] !== undefined || (to.kind === 'integer' && to.bits >= 8);
  if (from.kind === 'bool') return isNumeric;
  if (from.kind !== 'integer' || from.bits < 8 || !isNumeric) return false;
  const isSigned = (dtype: DType) => dtype.startsWith('int');
  const magnitude = isSigned(narrow) ? from.bits - 1 : from.bits;
  if (digits[wide]) return magnitude <= digits[wide];
  return isSigned(wide) ? magnitude <= to.bits - 1 : !isSigned(narrow) && magnitude <= to.bits;
}

/** Bytes that `size` elements take in raw_data's layout (sub-byte types are packed), or undefined where the type has no fixed size. */
export function byteLengthOf(dtype: DType, size: number): number | undefined {
  const bits = isKnown(dtype) ? dtypes[dtype].bits : 0;
  return bits === 0 ? undefined : Math.ceil((size * bits) / 8);
}
