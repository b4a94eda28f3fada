import { type DType, dtypes, type KnownDType } from '../tensor/dtype.ts';
import { decodeElements, encodeElements } from '../tensor/elements.ts';
import { isFloatWord, type Lexer } from './lexer.ts';

/** Whether a number begins here. */
export function atNumber(lexer: Lexer): boolean {
  return lexer.kind === 'integer' || lexer.kind === 'decimal' || (lexer.kind === 'word' && isFloatWord(lexer.text));
}

/** Takes a number for `float`, `double` or a complex type, rounded to what it is stored as. */
export function takeFloat(lexer: Lexer, dtype: DType): number {
  if (!atNumber(lexer)) lexer.unexpected(`a ${dtype}`);
  const exact = numberOf(lexer.text);
  const value = dtype === 'float' || dtype === 'complex64' ? Math.fround(exact) : exact;
  if (Math.abs(value) === Number.POSITIVE_INFINITY && !isInfinity(lexer.text)) lexer.fail(`${lexer.text} is out of ${dtype}'s range`);
  lexer.advance();
  return value;
}

/** Takes an integer of an element type with at most 32 bits; `bool` is 0 or 1. */
export function takeInteger(lexer: Lexer, dtype: KnownDType): number {
  const [low, high] = rangeOf(dtype);
  return takeBetween(lexer, Number(low), Number(high), `${dtype}'s range`);
}

/** Takes an integer of a 64-bit element type. */
export function takeBigint(lexer: Lexer, dtype: 'int64' | 'uint64'): bigint {
  if (lexer.kind !== 'integer') lexer.unexpected(`an ${dtype}`);
  const [low, high] = rangeOf(dtype);
  // Numbers of absurd length would take their time to convert.
  const value = lexer.text.length > 20 ? high + 1n : BigInt(lexer.text);
  if (value < low || value > high) lexer.fail(`${lexer.text.slice(0, 40)} is out of ${dtype}'s range`);
  lexer.advance();
  return value;
}

/** Takes an integer between bounds, which `what` names. */
export function takeBetween(lexer: Lexer, low: number, high: number, what: string): number {
  if (lexer.kind !== 'integer') lexer.unexpected(`an integer within ${what}`);
  const value = Number(lexer.text);
  if (value < low || value > high) lexer.fail(`${lexer.text.slice(0, 40)} is out of ${what}`);
  lexer.advance();
  return value === 0 ? 0 : value;
}

/**
 * Takes an element of a floating-point type of at most 16 bits, as its bit pattern. An integer is the bit pattern itself, as in ONNX's own
 * parser; a number with a point or an exponent, `inf` and `nan` are the value.
 */
export function takePattern(lexer: Lexer, dtype: KnownDType): number {
  const { bits } = dtypes[dtype];
  if (lexer.kind === 'integer') return takeBetween(lexer, 0, 2 ** bits - 1, `the bit patterns of ${dtype}`);
  if (!atNumber(lexer)) lexer.unexpected(`a ${dtype}`);
  const bytes = encodeElements(dtype, [numberOf(lexer.text)]);
  if (!Number.isFinite(decodeElements(dtype, bytes, 1)[0]) && Number.isFinite(numberOf(lexer.text)))
    lexer.fail(`${lexer.text} is out of ${dtype}'s range`);
  lexer.advance();
  return bits === 16 ? bytes[0]! + 256 * bytes[1]! : bytes[0]!;
}

function numberOf(text: string): number {
  const word = text.replace(/^-/, '').toLowerCase();
  if (word === 'nan') return Number.NaN;
  if (word.startsWith('inf')) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}

const isInfinity = (text: string) => /^-?inf/i.test(text);

function rangeOf(dtype: KnownDType): readonly [bigint, bigint] {
  if (dtype === 'bool') return [0n, 1n];
  const bits = BigInt(dtypes[dtype].bits);
  return dtype.startsWith('u') ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}
