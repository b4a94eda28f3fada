import { byteLengthOf, type DType, isKnown } from '../tensor/dtype.ts';
import { StoredField } from './stored.ts';
import { type Payload, piecesOf } from './wire.ts';

/** TensorProto's payload fields, which our schema leaves undecoded. */
const numbers = { float: 4, int32: 5, string: 6, int64: 7, raw: 9, double: 10, uint64: 11 } as const;
const segment = 3;

const payloadNumbers: ReadonlySet<number> = new Set([...Object.values(numbers), segment]);

/** An undecoded field: number and content, without tag and length. */
interface RawField {
  readonly number: number;
  readonly byteLength: number;
  content(): Uint8Array;
  pieces(): Iterable<Uint8Array>;
}

function rawField(field: Uint8Array | StoredField): RawField {
  const head = field instanceof Uint8Array ? field : field.head;
  const tag = varint(head, 0);
  const start = (tag.value & 7) === 2 ? varint(head, tag.end).end : tag.end;
  const content = () => (field instanceof Uint8Array ? field.subarray(start) : field.bytes(start));
  const pieces = () => (field instanceof Uint8Array ? [field.subarray(start)] : field.pieces(start));
  return { number: tag.value >>> 3, byteLength: field.byteLength - start, content, pieces };
}

function varint(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value = (value | ((byte & 127) << shift)) >>> 0;
    if (byte < 128) return { value, end: at };
  }
}

/** Whether a field was read; what else was deferred is a payload of ours and never read back. */
const wasRead = (field: Payload): field is Uint8Array | StoredField => field instanceof Uint8Array || field instanceof StoredField;

function rawFields(unknowns: readonly Payload[]): RawField[] {
  return unknowns.filter(wasRead).map(rawField);
}

/** Whether a tensor's elements were left in the model's file. */
export function isStored(unknowns: readonly Payload[]): boolean {
  return unknowns.some(field => field instanceof StoredField && payloadNumbers.has(rawField(field).number));
}

/** raw_data in pieces, where a tensor's elements are there and in the model's file. */
export function storedPieces(unknowns: readonly Payload[]): Iterable<Uint8Array> | undefined {
  return isStored(unknowns)
    ? rawFields(unknowns)
        .findLast(({ number }) => number === numbers.raw)
        ?.pieces()
    : undefined;
}

/** The undecoded fields of a tensor that are no payload. */
export function withoutPayload(unknowns: readonly Payload[]): Payload[] {
  return unknowns.filter(field => wasRead(field) && !payloadNumbers.has(rawField(field).number));
}

/** Whether a tensor has elements inside the model file. */
export function hasPayload(unknowns: readonly Payload[]): boolean {
  return rawFields(unknowns).some(({ number, byteLength }) => payloadNumbers.has(number) && byteLength > 0);
}

/** The raw_data field around a payload, which is not copied. */
export function rawData(payload: Payload): Payload {
  const head = lengthDelimited(numbers.raw, payload.byteLength);
  return {
    byteLength: head.byteLength + payload.byteLength,
    *pieces() {
      yield head;
      yield* piecesOf(payload);
    },
  };
}

/** The string_data field around strings. */
export function stringData(strings: readonly Uint8Array[]): Payload[] {
  return strings.map(s => Buffer.concat([lengthDelimited(numbers.string, s.byteLength), s]));
}

function lengthDelimited(number: number, length: number): Uint8Array {
  const bytes = [(number << 3) | 2];
  for (; length > 127; length = Math.floor(length / 128)) bytes.push((length & 127) | 128);
  return Uint8Array.from([...bytes, length]);
}

/** The elements of a string tensor. */
export function stringsOf(unknowns: readonly Payload[]): readonly Uint8Array[] {
  return rawFields(unknowns)
    .filter(field => field.number === numbers.string)
    .map(field => field.content());
}

/**
 * A tensor's elements in raw_data's layout: raw_data itself, or what the typed field for the element type holds.
 * @throws RangeError saying what does not fit.
 */
export function payloadBytes(unknowns: readonly Payload[], dtype: DType, size: number): Uint8Array {
  const fields = rawFields(unknowns);
  if (fields.some(({ number }) => number === segment)) throw new RangeError('is a segment of a tensor, which no runtime reads');
  const raw = fields.findLast(({ number }) => number === numbers.raw);
  const bytes = raw ? raw.content() : typedBytes(fields, dtype);
  const wanted = byteLengthOf(dtype, size);
  if (wanted !== undefined && wanted !== bytes.length)
    throw new RangeError(`has ${bytes.length} bytes of data where its shape wants ${wanted}`);
  return bytes;
}

/** The size of raw_data, where the tensor has it. */
export function rawLength(unknowns: readonly Payload[]): number | undefined {
  return rawFields(unknowns).findLast(({ number }) => number === numbers.raw)?.byteLength;
}

function typedBytes(fields: readonly RawField[], dtype: DType): Uint8Array {
  // Packed or not, one piece or many: contents in a row are the same bytes.
  const collect = (number: number) => {
    const pieces = fields.filter(field => field.number === number).map(field => field.content());
    return pieces.length === 1 ? pieces[0]! : Uint8Array.from(Buffer.concat(pieces));
  };
  switch (dtype) {
    case 'float':
    case 'complex64':
      return collect(numbers.float);
    case 'double':
    case 'complex128':
      return collect(numbers.double);
    case 'int64':
      return words(collect(numbers.int64), 2);
    case 'uint64':
      return words(collect(numbers.uint64), 2);
    case 'uint32':
      return words(collect(numbers.uint64), 1);
    case 'int32':
      return words(collect(numbers.int32), 1);
    default:
      return narrow(words(collect(numbers.int32), 1), isKnown(dtype) && byteLengthOf(dtype, 1) === 2 ? 2 : 1);
  }
}

/** Varints as little-endian integers of one or two 32-bit words; higher bits are cut off. */
function words(varints: Uint8Array, perElement: 1 | 2): Uint8Array {
  let count = 0;
  for (const byte of varints) if (byte < 128) count++;
  const out = new Uint32Array(count * perElement);
  for (let i = 0, at = 0; i < count; i++) {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = varints[at++]!;
      const bits = byte & 127;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28 && shift < 64) high |= bits << (shift - 32);
      if (byte < 128) break;
    }
    out[i * perElement] = low;
    if (perElement === 2) out[i * 2 + 1] = high;
  }
  return new Uint8Array(out.buffer);
}

/** The low bytes of 32-bit words. */
function narrow(words: Uint8Array, bytes: 1 | 2): Uint8Array {
  const from = new Uint32Array(words.buffer);
  return bytes === 1 ? Uint8Array.from(from) : new Uint8Array(Uint16Array.from(from).buffer);
}
