import { byteLengthOf, type DType, dtypes, isKnown } from '../tensor/dtype.ts';
import { isMinifloat } from '../tensor/minifloat.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { decimalOf } from './decimal.ts';
import { ElsewhereStorage } from './generated.ts';
import { nameOfDType, quoted, textOf } from './words.ts';

/** How much of a model is printed, and for whom. */
export interface PrintOptions {
  /**
   * The most elements that are printed of a tensor or a list; of longer ones the first come, then `... 9406 more`, which no parser reads.
   * All of them unless it is given.
   */
  readonly maxElements?: number;
  /**
   * Elements of float16 and other small types as numbers a person can read, in place of the bit patterns and packed bytes that ONNX's own
   * parser wants. `parse` reads both. Off, unless `maxElements` is given.
   */
  readonly readable?: boolean;
  /** Whether the types of inner results are printed. On unless it is said otherwise. */
  readonly types?: boolean;
}

/** `float[2,3]`, the type of a tensor with elements. */
export function tensorType(dtype: DType, dims: readonly number[]): string {
  return dims.length === 0 ? nameOfDType(dtype) : `${nameOfDType(dtype)}[${dims.join(',')}]`;
}

/** The elements in braces, or where they lie. */
export function printElements(tensor: Tensor, options: PrintOptions): string {
  const { storage } = tensor;
  if (storage instanceof ElsewhereStorage) return `[${printEntries(storage.entries)}]`;
  const literals = literalsOf(tensor, options.readable ?? options.maxElements !== undefined);
  return literals ? `{${join(literals.length, literals.at, options)}}` : '...';
}

/** `"key": "value", …` */
export function printEntries(entries: ReadonlyMap<string, string>): string {
  return [...entries].map(([key, value]) => `${quoted(key)}: ${quoted(value)}`).join(', ');
}

/** Items with commas between them, the last ones left out where there are too many. */
export function join(length: number, item: (i: number) => string, { maxElements = length }: PrintOptions): string {
  const items = Array.from({ length: Math.min(length, maxElements) }, (_, i) => item(i));
  if (length > maxElements) items.push(`... ${length - maxElements} more`);
  return items.join(', ');
}

interface Literals {
  readonly length: number;
  readonly at: (i: number) => string;
}

/** What is written for each element; undefined for element types whose layout is not known. */
function literalsOf(tensor: Tensor, readable: boolean): Literals | undefined {
  const { dtype, size } = tensor;
  if (dtype === 'string') {
    const strings = tensor.strings();
    return { length: strings.length, at: i => quoted(textOf(strings[i]!)) };
  }
  if (!isKnown(dtype) || dtype === 'undefined') return undefined;
  const { bits, kind } = dtypes[dtype];
  const small = isMinifloat(dtype) || dtype === 'float8e8m0';
  if (!readable && (small || bits < 8)) return patternsOf(tensor, bits);
  const elements = tensor.elements();
  const length = kind === 'complex' ? 2 * size : size;
  if (small) return { length, at: i => withPoint(decimalOf(dtype, elements[i] as number)) };
  if (kind === 'float' || kind === 'complex') return { length, at: i => decimalOf(dtype, elements[i] as number) };
  if (kind === 'bool') return { length, at: i => (elements[i] ? '1' : '0') };
  return { length, at: i => String(elements[i]) };
}

/** Bit patterns of small floats, and packed bytes of what is smaller than a byte. */
function patternsOf(tensor: Tensor, bits: number): Literals {
  const bytes = tensor.bytes();
  if (bits === 16) return { length: tensor.size, at: i => String(bytes[2 * i]! + 256 * bytes[2 * i + 1]!) };
  const length = byteLengthOf(tensor.dtype, tensor.size)!;
  // Bits behind the last element mean nothing.
  const last = (tensor.size * bits) % 8;
  return { length, at: i => String(i === length - 1 && last > 0 ? bytes[i]! & (2 ** last - 1) : bytes[i]!) };
}

/** A number that can't be taken for a bit pattern. */
function withPoint(decimal: string): string {
  return /^-?\d+$/.test(decimal) ? `${decimal}.0` : decimal;
}
