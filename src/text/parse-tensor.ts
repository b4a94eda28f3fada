import type { ValueType } from '../ir/value.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { type DType, dtypes, isKnown, type KnownDType } from '../tensor/dtype.ts';
import { encodeElements } from '../tensor/elements.ts';
import { isMinifloat } from '../tensor/minifloat.ts';
import { Tensor } from '../tensor/tensor.ts';
import { tensorAt } from './generated.ts';
import type { Lexer } from './lexer.ts';
import { takeBetween, takeBigint, takeFloat, takeInteger, takePattern } from './parse-number.ts';
import { bytesOf, nameOfDType } from './words.ts';

/** The elements of a tensor: `{1, 2}`, or `["location": "…"]`. `at` is where its type is written. */
export function parseTensor(lexer: Lexer, type: ValueType | undefined, name: string, at: number): Tensor {
  if (lexer.is('...')) lexer.unexpected('{ or [');
  if (type?.kind !== 'tensor' || !type.shape) lexer.fail(`${name || 'a tensor'} needs a tensor type with a shape to have a value`, at);
  const { dtype } = type;
  const dims = type.shape.map(dim =>
    typeof dim === 'number' ? dim : lexer.fail(`the shape of a value is made of numbers, not ${dim ?? '?'}`, at),
  );
  if (!Number.isSafeInteger(sizeOf(dims))) lexer.fail(`a tensor of shape [${dims}] is too large`, at);
  if (lexer.is('[')) return parsePlace(lexer, dtype, dims, name);
  if (!lexer.is('{')) lexer.unexpected('{ or [');
  if (!isKnown(dtype) || dtype === 'undefined') lexer.fail(`elements of ${nameOfDType(dtype)} can't be written in text`);
  return parseElements(lexer, dtype, dims);
}

function parsePlace(lexer: Lexer, dtype: DType, dims: readonly number[], name: string): Tensor {
  const at = lexer.start;
  const entries = parseEntries(lexer);
  try {
    return tensorAt(dtype, dims, name, entries);
  } catch (error) {
    if (error instanceof RangeError) lexer.fail(error.message, at);
    throw error;
  }
}

/** `["key": "value", …]` */
export function parseEntries(lexer: Lexer): Map<string, string> {
  const entries = new Map<string, string>();
  lexer.list('[', ']', () => {
    const key = lexer.string('a key in quotes');
    lexer.expect(':');
    entries.set(key, lexer.string('a value in quotes'));
  });
  return entries;
}

function parseElements(lexer: Lexer, dtype: KnownDType, dims: readonly number[]): Tensor {
  const size = sizeOf(dims);
  const { kind, bits } = dtypes[dtype];
  const at = lexer.start;
  const collect = <T>(take: () => T, wanted = size): T[] => {
    const items: T[] = [];
    lexer.list('{', '}', () => items.push(take()));
    if (items.length !== wanted) lexer.fail(`${describe(dtype, dims)} wants ${count(wanted)}, found ${items.length}`, at);
    return items;
  };
  if (bits > 0 && bits < 8) return stored(dtype, dims, parsePacked(lexer, dtype, dims));
  if (isMinifloat(dtype) || dtype === 'float8e8m0') {
    const patterns = collect(() => takePattern(lexer, dtype));
    return stored(dtype, dims, bits === 16 ? new Uint8Array(Uint16Array.from(patterns).buffer) : Uint8Array.from(patterns));
  }
  const string = () => bytesOf(lexer.string('a string'));
  if (dtype === 'string') return Tensor.ofStrings(dims, collect(string));
  const float = () => takeFloat(lexer, dtype);
  if (kind === 'float') return stored(dtype, dims, encodeElements(dtype, collect(float)));
  if (kind === 'complex') return stored(dtype, dims, encodeElements(dtype, collect(float, 2 * size)));
  const integer = () => (dtype === 'int64' || dtype === 'uint64' ? takeBigint(lexer, dtype) : takeInteger(lexer, dtype));
  return stored(dtype, dims, encodeElements(dtype, collect(integer)));
}

/**
 * Elements of less than a byte come packed, as ONNX's own parser and TensorProto have them: `int4[4] {33, 67}` holds 1, 2, 3, 4. One number
 * for each element is understood too, since the two differ in length.
 */
function parsePacked(lexer: Lexer, dtype: KnownDType, dims: readonly number[]): Uint8Array {
  const { bits, kind } = dtypes[dtype];
  const at = lexer.start;
  const size = sizeOf(dims);
  const perByte = 8 / bits;
  const numbers: number[] = [];
  const starts: number[] = [];
  let integers = true;
  lexer.list('{', '}', () => {
    const value = kind === 'float' && lexer.kind !== 'integer';
    starts.push(lexer.start);
    numbers.push(value ? takePattern(lexer, dtype) : takeBetween(lexer, -128, 255, `${dtype}'s range`));
    if (value) integers = false;
  });
  const packed = Math.ceil(size / perByte);
  // A single element is both: a number for it, or the byte that holds it.
  const single = packed === size;
  if (numbers.length === packed && integers && !single) return Uint8Array.from(numbers, x => x & 255);
  if (numbers.length !== size) lexer.fail(`${describe(dtype, dims)} wants ${count(size)}, or ${packed} bytes, found ${numbers.length}`, at);
  const bytes = new Uint8Array(packed);
  for (const [i, x] of numbers.entries()) {
    const low = dtype.startsWith('int') ? -(2 ** (bits - 1)) : 0;
    const high = dtype.startsWith('int') && !single ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
    if (x < low || x > high) lexer.fail(`${x} is out of ${dtype}'s range`, starts[i]);
    bytes[Math.floor(i / perByte)]! |= (x & (2 ** bits - 1)) << ((i % perByte) * bits);
  }
  return bytes;
}

function stored(dtype: DType, dims: readonly number[], bytes: Uint8Array): Tensor {
  return Tensor.stored(dtype, dims, { bytes: () => bytes });
}

const count = (n: number) => `${n} element${n === 1 ? '' : 's'}`;

function describe(dtype: DType, dims: readonly number[]): string {
  return dims.length === 0 ? dtype : `${dtype}[${dims}]`;
}
