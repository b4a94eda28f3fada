import { byteLengthOf, type DType, dtypes, isKnown } from './dtype.ts';
import { decodeMinifloat, encodeMinifloat, isMinifloat, type Minifloat, roundHalfEven } from './minifloat.ts';

/** Elements read out of a tensor: numbers, or bigints for the 64-bit integers. Complex numbers are (real, imaginary) pairs of elements. */
export type Elements = ArrayLike<number> | ArrayLike<bigint>;

const native = {
  float: Float32Array,
  double: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  complex64: Float32Array,
  complex128: Float64Array,
} as const;

const isNative = (dtype: DType): dtype is keyof typeof native => Object.hasOwn(native, dtype);

/** A view where alignment allows, else a copy. Platforms that run Node are little-endian, as raw_data is. */
function view<T>(Type: { new (b: ArrayBufferLike, o: number, n: number): T; readonly BYTES_PER_ELEMENT: number }, bytes: Uint8Array): T {
  const aligned = bytes.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new Type(aligned.buffer, aligned.byteOffset, aligned.byteLength / Type.BYTES_PER_ELEMENT);
}

/**
 * Reads `size` elements from raw_data's little-endian layout.
 * @throws RangeError for element types without a numeric value (string, undefined, unknown codes).
 */
export function decodeElements(dtype: DType, bytes: Uint8Array, size: number): Elements {
  if (isNative(dtype)) return view(native[dtype] as typeof Float32Array, bytes);
  if (isMinifloat(dtype) && dtype !== 'float4e2m1') {
    const table = tableOf(dtype);
    return Float64Array.from(dtypes[dtype].bits === 16 ? view(Uint16Array, bytes) : bytes, b => table[b]!);
  }
  if (dtype === 'float8e8m0') return Float64Array.from(bytes, b => (b === 255 ? Number.NaN : 2 ** (b - 127)));
  const bits = isKnown(dtype) ? dtypes[dtype].bits : 0;
  if (bits === 0 || bits > 4) throw new RangeError(`${dtype} elements have no numeric value`);
  const perByte = 8 / bits;
  return Float64Array.from({ length: size }, (_, i) => {
    const pattern = (bytes[Math.floor(i / perByte)]! >>> ((i % perByte) * bits)) & (2 ** bits - 1);
    if (dtype === 'float4e2m1') return decodeMinifloat(dtype, pattern);
    return dtype.startsWith('int') && pattern >= 2 ** (bits - 1) ? pattern - 2 ** bits : pattern;
  });
}

/**
 * Reads ranges of elements as numbers, without a copy of them all where the bytes are not aligned.
 * @throws RangeError for element types without a numeric value.
 */
export function rangeReader(dtype: DType, bytes: Uint8Array, size: number): (start: number, target: Float64Array) => void {
  if (dtype === 'float' && bytes.byteOffset % 4 !== 0) {
    let scratch = new Float32Array(0);
    return (start, target) => {
      const n = target.length;
      if (scratch.length < n) scratch = new Float32Array(n);
      new Uint8Array(scratch.buffer).set(bytes.subarray(start * 4, (start + n) * 4));
      target.set(scratch.subarray(0, n));
    };
  }
  const elements = decodeElements(dtype, bytes, size);
  const numbers = typeof elements[0] === 'bigint' ? Float64Array.from(elements as ArrayLike<bigint>, Number) : (elements as Float64Array);
  return (start, target) => target.set(numbers.subarray(start, start + target.length));
}

/**
 * Writes numbers in raw_data's little-endian layout, each rounded once, ties to even, to the element type; integers must be in range.
 * @throws RangeError for an element type that numbers can't be written as, and for an integer out of range.
 */
export function encodeElements(dtype: DType, values: ArrayLike<number | bigint>): Uint8Array {
  const n = values.length;
  if (dtype === 'int64' || dtype === 'uint64') {
    const out = new native[dtype](n);
    for (let i = 0; i < n; i++) out[i] = inRange(dtype, typeof values[i] === 'bigint' ? (values[i] as bigint) : BigInt(values[i]!));
    return new Uint8Array(out.buffer);
  }
  const number = (i: number) => Number(values[i]);
  if (isNative(dtype)) {
    const out = new native[dtype](n) as Float32Array;
    if (dtypes[dtype].kind === 'integer') for (let i = 0; i < n; i++) out[i] = Number(inRange(dtype, BigInt(number(i))));
    else for (let i = 0; i < n; i++) out[i] = number(i);
    return new Uint8Array(out.buffer);
  }
  if (isMinifloat(dtype) && dtype !== 'float4e2m1') {
    const out = dtypes[dtype].bits === 16 ? new Uint16Array(n) : new Uint8Array(n);
    for (let i = 0; i < n; i++) out[i] = encodeMinifloat(dtype, number(i));
    return new Uint8Array(out.buffer);
  }
  if (dtype === 'float8e8m0') return Uint8Array.from({ length: n }, (_, i) => encodeExponent(number(i)));
  const bits = isKnown(dtype) ? dtypes[dtype].bits : 0;
  if (bits === 0 || bits > 4) throw new RangeError(`numbers can't be stored as ${dtype}`);
  const perByte = 8 / bits;
  const out = new Uint8Array(Math.ceil(n / perByte));
  for (let i = 0; i < n; i++) {
    const pattern =
      dtype === 'float4e2m1' ? encodeMinifloat(dtype, number(i)) : Number(inRange(dtype, BigInt(number(i)))) & (2 ** bits - 1);
    out[Math.floor(i / perByte)]! |= pattern << ((i % perByte) * bits);
  }
  return out;
}

/**
 * Rounds `values` into a tensor's bytes, at flat index `start`; for types packed into bits, a multiple of 8. Gives the rounded elements.
 */
export function encodeBlock(dtype: DType, values: Float64Array, bytes: Uint8Array, start: number): ArrayLike<number> {
  if (dtype === 'float') {
    const rounded = new Float32Array(bytes.buffer, bytes.byteOffset + start * 4, values.length);
    rounded.set(values);
    return rounded;
  }
  const encoded = encodeElements(dtype, values);
  bytes.set(encoded, byteLengthOf(dtype, start));
  return decodeElements(dtype, encoded, values.length) as ArrayLike<number>;
}

function inRange(dtype: DType, x: bigint): bigint {
  const bits = BigInt(isKnown(dtype) ? dtypes[dtype].bits : 64);
  const [low, high] = dtype.startsWith('u') ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
  if (x < low || x > high) throw new RangeError(`${x} is out of ${dtype}'s range`);
  return x;
}

/** float8e8m0 holds powers of two only, 2^-127 … 2^127. */
function encodeExponent(x: number): number {
  return x > 0 && x < Number.POSITIVE_INFINITY ? Math.min(254, Math.max(0, roundHalfEven(Math.log2(x)) + 127)) : 255;
}

const tables = new Map<Minifloat, Float64Array>();

function tableOf(dtype: Minifloat): Float64Array {
  let table = tables.get(dtype);
  if (!table) {
    table = Float64Array.from({ length: 2 ** dtypes[dtype].bits }, (_, bits) => decodeMinifloat(dtype, bits));
    tables.set(dtype, table);
  }
  return table;
}
