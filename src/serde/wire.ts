import protobuf from 'protobufjs/minimal.js';
import { DecodeError } from '../errors.ts';
import { pieceSize } from '../tensor/tensor.ts';

/** Bytes to be written: in memory, or read from a file in pieces when their turn comes. */
export type Payload = Uint8Array | DeferredBytes;

export interface DeferredBytes {
  readonly byteLength: number;
  /** All of them, in pieces of bounded size. */
  pieces(): Iterable<Uint8Array>;
}

/** A payload in pieces that lie in memory. */
export function piecesOf(payload: Payload): Iterable<Uint8Array> {
  return payload instanceof Uint8Array ? [payload] : payload.pieces();
}

/** Bytes in pieces: `read` fills each with what begins at `start`. A piece is on loan until the next one is asked for. */
export function* slices(byteLength: number, read: (start: number, target: Uint8Array) => void): Generator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(pieceSize, byteLength));
  for (let start = 0; start < byteLength; start += pieceSize) {
    const piece = buffer.subarray(0, Math.min(pieceSize, byteLength - start));
    read(start, piece);
    yield piece;
  }
}

/** A protobuf message. Absent fields read as their default; `$unknowns` are the fields that our schema leaves undecoded. */
export interface Message {
  readonly $unknowns?: readonly Payload[];
}

/** A message's class, as the generated code writes it. */
export interface MessageType<T extends Message> {
  new (): T;
  encode(message: T, writer: protobuf.Writer): protobuf.Writer;
  decode(reader: protobuf.Reader): T;
}

/** What reading may cost: a message costs 4, any other field that needs an object of its own costs 1. */
export const messageBudget = 5_000_000;
const costOfMessage = 4;

/** A reader for untrusted bytes: views instead of copies, bigints for 64-bit integers, names that must be UTF-8, and a budget. */
export class MessageReader extends protobuf.Reader {
  #left: number;

  constructor(bytes: Uint8Array, budget = messageBudget) {
    // A Buffer's `slice` does not copy as a Uint8Array's does; nobody outside should have to know.
    super(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.discardUnknown = false;
    this.#left = budget * costOfMessage;
  }

  /** Enters a message: reads its length. */
  nest(): number {
    this.#spend(costOfMessage);
    const length = super.size();
    if (this.pos + length > this.len) throw new RangeError('index out of range');
    return length;
  }

  override string(): string {
    this.#spend(1);
    const start = this.pos;
    try {
      return this.stringVerify();
    } catch (error) {
      if (error instanceof RangeError) throw error;
      throw new DecodeError('E_UTF8', 'a text is not valid UTF-8', { offset: start }, { cause: error });
    }
  }

  override raw(start: number, end: number): Uint8Array {
    this.#spend(1);
    return super.raw(start, end);
  }

  integer(): bigint {
    this.#spend(1);
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.pos >= this.len) throw new RangeError('index out of range');
      const byte = this.buf[this.pos++]!;
      if (byte < 128) return BigInt.asIntN(64, shift === 0n ? BigInt(byte) : value | (BigInt(byte) << shift));
      value |= BigInt(byte & 127) << shift;
    }
    throw new Error('invalid varint encoding');
  }

  /** A packed list. */
  integers(into: bigint[]): bigint[] {
    const end = this.size() + this.pos;
    const outer = this.len;
    if (end > outer) throw new RangeError('index out of range');
    this.len = end;
    while (this.pos < end) into.push(this.integer());
    this.len = outer;
    return into;
  }

  #spend(cost: number): void {
    this.#left -= cost;
    if (this.#left < 0) throw new DecodeError('E_BUDGET', 'the model has too many parts to be read safely', { offset: this.pos });
  }
}

/** Payloads of at least this many bytes are written from where they are. */
const largePayload = 4096;

/** A writer that yields a list of chunks: large payloads are never copied. */
export class ChunkWriter extends protobuf.BufferWriter {
  /** Large payloads and where between the small bytes they belong. */
  readonly #large: { at: number; readonly bytes: Payload }[] = [];
  #outside = 0;
  readonly #forks: { readonly outside: number; readonly large: number }[] = [];

  /** Size of all that was written. */
  get byteLength(): number {
    return this.pos + this.#outside;
  }

  *chunks(): Generator<Payload> {
    let start = 0;
    for (const { at, bytes } of this.#large) {
      if (at > start) yield this.buf.subarray(start, at);
      yield bytes;
      start = at;
    }
    if (this.pos > start) yield this.buf.subarray(start, this.pos);
  }

  integer(value: bigint): this {
    if (value >= 0n && value <= 0x7fffffffn) {
      this.uint32(Number(value));
      return this;
    }
    let rest = BigInt.asUintN(64, value);
    const bytes: number[] = [];
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
    super.raw(Uint8Array.from([...bytes, Number(rest)]));
    return this;
  }

  override bytes(value: Uint8Array): this {
    this.uint32(value.byteLength);
    return this.raw(value);
  }

  override raw(value: Payload): this {
    if (value.byteLength >= largePayload) {
      this.#large.push({ at: this.pos, bytes: value });
      this.#outside += value.byteLength;
    } else if (value instanceof Uint8Array) super.raw(value);
    else for (const piece of value.pieces()) super.raw(piece);
    return this;
  }

  override fork(): this {
    this.#forks.push({ outside: this.#outside, large: this.#large.length });
    super.fork();
    return this;
  }

  override ldelim(): this {
    const { outside, large } = this.#forks.pop()!;
    if (outside === this.#outside) {
      super.ldelim();
      return this;
    }
    // One byte was left free for the length; what follows moves to make room for the rest of it.
    const start = this.states!.pop()!;
    const end = this.pos;
    this.uint32(end - start - 1 + this.#outside - outside);
    const length = Uint8Array.from(this.buf.subarray(end, this.pos));
    this.buf.copyWithin(start + length.length, start + 1, end);
    this.buf.set(length, start);
    const moved = length.length - 1;
    this.pos = end + moved;
    for (let i = large; i < this.#large.length; i++) this.#large[i]!.at += moved;
    return this;
  }
}

/** A serialized message: chunks to be written one after the other. */
export interface Encoded {
  readonly byteLength: number;
  readonly chunks: readonly Payload[];
}

/** One array of all chunks. */
export function concat({ byteLength, chunks }: Encoded): Uint8Array {
  const out = new Uint8Array(byteLength);
  let at = 0;
  for (const chunk of chunks) {
    for (const piece of piecesOf(chunk)) {
      out.set(piece, at);
      at += piece.byteLength;
    }
  }
  return out;
}
