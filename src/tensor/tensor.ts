import { type Arithmetic, broadcastDims, type Operand, sizeOf, zip } from './broadcast.ts';
import { byteLengthOf, type DType } from './dtype.ts';
import { decodeElements, type Elements, encodeBlock, encodeElements, rangeReader } from './elements.ts';

/** Bytes that are read, compared and written at once, where all of them would take much memory. */
export const pieceSize = 2 ** 18;

/** Where a tensor's elements live: in memory, in the file they were read from, or in an external data file. Read on demand. */
export interface Storage {
  /** Little-endian bytes in the layout of TensorProto.raw_data. */
  bytes(): Uint8Array;
  /** The same in pieces of `pieceSize`, where it can be had so without the whole. */
  pieces?(): Iterable<Uint8Array> | undefined;
  /** The elements of a string tensor; they need not be UTF-8. */
  strings?(): readonly Uint8Array[];
}

/** Results of arithmetic in float64, not rounded yet, computed when someone asks. */
interface Computed {
  /** Row-major; a block is valid until the next one is asked for. */
  blocks(): Iterable<Float64Array>;
}

/**
 * An immutable tensor of any ONNX element type.
 *
 * Arithmetic runs in float64, and its results stay unrounded until `settle` or `bytes` rounds them, once, to the element type.
 * The element type of a result is that of the left operand.
 */
export class Tensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly #source: Storage | Computed;

  private constructor(dtype: DType, dims: readonly number[], source: Storage | Computed) {
    this.dtype = dtype;
    this.dims = dims;
    this.#source = source;
  }

  /** A tensor of numbers, row-major. @throws RangeError when `dims` and the number of values disagree. */
  static of(dtype: DType, dims: readonly number[], values: ArrayLike<number | bigint>): Tensor {
    if (sizeOf(dims) !== values.length) throw new RangeError(`shape [${dims}] wants ${sizeOf(dims)} elements, got ${values.length}`);
    const bytes = encodeElements(dtype, values);
    return new Tensor(dtype, dims, { bytes: () => bytes });
  }

  /** A tensor whose elements are read from `storage` when someone asks for them. */
  static stored(dtype: DType, dims: readonly number[], storage: Storage): Tensor {
    return new Tensor(dtype, dims, storage);
  }

  /** A string tensor. */
  static ofStrings(dims: readonly number[], values: readonly Uint8Array[]): Tensor {
    return new Tensor('string', dims, { bytes: () => new Uint8Array(0), strings: () => values });
  }

  static fill(dtype: DType, dims: readonly number[], x: number): Tensor {
    return Tensor.exact(dtype, dims, new Float64Array(sizeOf(dims)).fill(x));
  }

  /** A tensor of numbers as a result of arithmetic: not rounded yet. */
  static exact(dtype: DType, dims: readonly number[], values: Float64Array): Tensor {
    return new Tensor(dtype, dims, { blocks: () => [values] });
  }

  get rank(): number {
    return this.dims.length;
  }
  get size(): number {
    return sizeOf(this.dims);
  }
  /** Bytes in raw_data's layout, or undefined for strings and unknown element types. */
  get byteLength(): number | undefined {
    return byteLengthOf(this.dtype, this.size);
  }
  /** Where the elements live; undefined for a result of arithmetic that is not settled yet. */
  get storage(): Storage | undefined {
    return 'bytes' in this.#source ? this.#source : undefined;
  }

  /** The elements in raw_data's layout, rounded to the element type. */
  bytes(): Uint8Array {
    return 'bytes' in this.#source ? this.#source.bytes() : this.settle().bytes();
  }
  /** The same in pieces of `pieceSize`, the last one shorter: a large tensor that lies in a file never is in memory. Each is on loan until the next. */
  *pieces(): Generator<Uint8Array> {
    const pieces = this.storage?.pieces?.();
    if (pieces) return yield* pieces;
    const bytes = this.bytes();
    for (let at = 0; at < bytes.length; at += pieceSize) yield bytes.subarray(at, at + pieceSize);
  }
  /** The elements; 64-bit integers come as bigints. @throws RangeError for strings and unknown element types. */
  elements(): Elements {
    return 'bytes' in this.#source ? decodeElements(this.dtype, this.#source.bytes(), this.size) : this.#collect(this.#source);
  }
  /** The elements as numbers (64-bit integers beyond 2^53 lose precision). */
  numbers(): ArrayLike<number> {
    const elements = this.elements();
    return typeof elements[0] === 'bigint' ? Float64Array.from(elements as ArrayLike<bigint>, Number) : (elements as ArrayLike<number>);
  }
  /** The elements of a string tensor. */
  strings(): readonly Uint8Array[] {
    return this.storage?.strings?.() ?? [];
  }

  add(b: Tensor | number): Tensor {
    return this.#zip(b, 'add');
  }
  sub(b: Tensor | number): Tensor {
    return this.#zip(b, 'sub');
  }
  mul(b: Tensor | number): Tensor {
    return this.#zip(b, 'mul');
  }
  div(b: Tensor | number): Tensor {
    return this.#zip(b, 'div');
  }
  sqrt(): Tensor {
    return Tensor.exact(this.dtype, this.dims, Float64Array.from(this.numbers(), Math.sqrt));
  }

  abs(): Tensor {
    return Tensor.exact(this.dtype, this.dims, Float64Array.from(this.numbers(), Math.abs));
  }

  reciprocal(): Tensor {
    return Tensor.fill(this.dtype, [], 1).div(this);
  }

  /** Sums over the last `count` axes. */
  sumLast(count: number): Tensor {
    const dims = this.dims.slice(0, this.rank - count);
    const run = sizeOf(this.dims.slice(this.rank - count));
    const values = this.numbers();
    const sums = Float64Array.from({ length: sizeOf(dims) }, (_, i) => {
      let sum = 0;
      for (let k = i * run; k < (i + 1) * run; k++) sum += values[k]!;
      return sum;
    });
    return Tensor.exact(this.dtype, dims, sums);
  }

  /** The same elements under another shape. */
  reshape(dims: readonly number[]): Tensor {
    if (sizeOf(dims) !== this.size) throw new RangeError(`[${this.dims}] can't be reshaped to [${dims}]`);
    return new Tensor(this.dtype, dims, this.#source);
  }
  /** The same values, to be rounded to another element type. */
  as(dtype: DType): Tensor {
    if (dtype === this.dtype) return this;
    return new Tensor(dtype, this.dims, 'bytes' in this.#source ? { blocks: () => [Float64Array.from(this.numbers())] } : this.#source);
  }
  /** A vector laid along `axis` of a rank-`rank` tensor, ready to broadcast. */
  along(axis: number, rank: number): Tensor {
    return this.reshape(Array.from({ length: rank }, (_, i) => (i === axis ? this.size : 1)));
  }

  /**
   * This tensor rounded to its element type; a stored tensor is returned as it is. `inspect` sees each block of results before and after
   * rounding, with the flat index of its first element.
   */
  settle(inspect?: (exact: Float64Array, rounded: ArrayLike<number>, start: number) => void): Tensor {
    const source = this.#source;
    if ('bytes' in source) return this;
    const bytes = new Uint8Array(this.byteLength ?? 0);
    let start = 0;
    for (const exact of source.blocks()) {
      // Blocks before the last one hold a multiple of 8 elements.
      const rounded = encodeBlock(this.dtype, exact, bytes, start);
      inspect?.(exact, rounded, start);
      start += exact.length;
    }
    return new Tensor(this.dtype, this.dims, { bytes: () => bytes });
  }

  #zip(b: Tensor | number, operation: Arithmetic): Tensor {
    const right: Operand = typeof b === 'number' ? { dims: [], read: (_, target) => target.fill(b) } : b.#operand();
    const left = this.#operand();
    return new Tensor(this.dtype, broadcastDims(left.dims, right.dims), { blocks: () => zip(left, right, operation) });
  }

  #operand(): Operand {
    const { dims, dtype, size } = this;
    if ('bytes' in this.#source) return { dims, read: rangeReader(dtype, this.#source.bytes(), size) };
    const values = this.#collect(this.#source);
    return { dims, read: (start, target) => target.set(values.subarray(start, start + target.length)) };
  }

  #collect(source: Computed): Float64Array {
    const values = new Float64Array(this.size);
    let start = 0;
    for (const block of source.blocks()) {
      values.set(block, start);
      start += block.length;
    }
    return values;
  }
}
