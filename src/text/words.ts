import { type DType, isKnown } from '../tensor/dtype.ts';
import { isFloatWord } from './lexer.ts';

/** Element types that ONNX's syntax has a name for, and our table only a number. */
const newer: Readonly<Record<string, DType>> = { float6e2m3: 'dtype27', float6e3m2: 'dtype28' };

const compound = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

/** The element type under its name in the text. */
export function dtypeNamed(word: string): DType | undefined {
  if (isKnown(word)) return word;
  if (Object.hasOwn(newer, word)) return newer[word];
  return /^dtype\d+$/.test(word) ? (word as DType) : undefined;
}

/** The name of an element type in the text. */
export function nameOfDType(dtype: DType): string {
  return Object.keys(newer).find(name => newer[name] === dtype) ?? dtype;
}

/** Whether a word begins a type: a value of such a name must be quoted where its type may be left out. */
export function isTypeWord(word: string): boolean {
  return dtypeNamed(word) !== undefined || compound.has(word);
}

/** A name as the text writes it: quoted when it is no identifier, or would be read as something else. */
export function quotable(name: string): string {
  return isIdentifier(name) && !isTypeWord(name) && !isFloatWord(name) ? name : quoted(name);
}

/** A name at a place where only a name can be. */
export function plainName(name: string): string {
  return isIdentifier(name) ? name : quoted(name);
}

export function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The text of a string. Bytes that are not UTF-8 become lone surrogates U+DC80…U+DCFF (Python's `surrogateescape`): they survive
 * `print` and `parse`, but not a file, which is UTF-8.
 */
export function textOf(value: string | Uint8Array): string {
  if (typeof value === 'string') return value;
  const whole = decoded(value);
  if (whole !== undefined) return whole;
  let text = '';
  for (let at = 0; at < value.length; ) {
    const length = [1, 2, 3, 4].find(n => at + n <= value.length && decoded(value.subarray(at, at + n)) !== undefined);
    text += length ? decoder.decode(value.subarray(at, at + length)) : String.fromCharCode(0xdc00 + value[at]!);
    at += length ?? 1;
  }
  return text;
}

/** The string that `textOf` wrote: text where it is UTF-8, else bytes. */
export function stringOf(text: string): string | Uint8Array {
  return /[\udc80-\udcff]/u.test(text) ? bytesOf(text) : text;
}

/** The bytes of a string that `textOf` wrote. */
export function bytesOf(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/u.test(text)) return encoder.encode(text);
  const pieces = text.split(/([\udc80-\udcff])/u).map(piece => {
    return /^[\udc80-\udcff]$/u.test(piece) ? Uint8Array.of(piece.charCodeAt(0) - 0xdc00) : encoder.encode(piece);
  });
  return Uint8Array.from(pieces.flatMap(piece => [...piece]));
}
