import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { FunnelError } from '../errors.ts';
import { largestMessage } from './encode.ts';
import { readError, readLimit } from './file.ts';
import { type DeferredBytes, MessageReader, type Payload, slices } from './wire.ts';

/** A file that stays where it is: bytes of it are read when someone asks for them. It must stay what it is, too. */
export class StoredFile implements DeferredBytes {
  readonly path: string;
  readonly #stats: Stats;

  private constructor(path: string, stats: Stats) {
    this.path = path;
    this.#stats = stats;
  }

  /** Undefined for what is no regular file, or is none of a model's size: reading it whole tells what it is. */
  static at(path: string): StoredFile | undefined {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() && stats.size <= largestMessage ? new StoredFile(path, stats) : undefined;
  }

  get byteLength(): number {
    return this.#stats.size;
  }

  pieces(): Iterable<Uint8Array> {
    return slices(this.byteLength, (start, target) => this.read(start, target));
  }

  /** Fills `target` with the bytes from `start` on. @throws FunnelError E_READ, also when the file is not what it was */
  read(start: number, target: Uint8Array): void {
    let fd: number | undefined;
    try {
      fd = openSync(this.path, constants.O_RDONLY);
      const { ino, size, mtimeMs } = fstatSync(fd);
      const before = this.#stats;
      if (ino !== before.ino || size !== before.size || mtimeMs !== before.mtimeMs)
        throw new FunnelError('E_READ', `${this.path} was changed while it was in use`);
      for (let at = 0; at < target.length; ) {
        const n = readSync(fd, target, at, Math.min(readLimit, target.length - at), start + at);
        if (n === 0) throw new Error('the file ended early');
        at += n;
      }
    } catch (error) {
      throw error instanceof FunnelError ? error : readError(this.path, error);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

/** A field of a message that was left in its file. */
export class StoredField implements DeferredBytes {
  /** Its first bytes, tag and length among them. */
  readonly head: Uint8Array;
  readonly byteLength: number;
  readonly #file: StoredFile;
  readonly #start: number;

  constructor(file: StoredFile, start: number, end: number, head: Uint8Array) {
    this.head = head;
    this.byteLength = end - start;
    this.#file = file;
    this.#start = start;
  }

  /** Its bytes from `from` on. */
  bytes(from: number): Uint8Array {
    const bytes = new Uint8Array(this.byteLength - from);
    this.#file.read(this.#start + from, bytes);
    return bytes;
  }

  pieces(from = 0): Iterable<Uint8Array> {
    return slices(this.byteLength - from, (start, target) => this.#file.read(this.#start + from + start, target));
  }
}

/** Fields of at least this many bytes, of those that our schema leaves undecoded, stay in the file. */
const smallestStored = 65536;
/** Tag and length, or tag and number. */
const longestHead = 16;
/** How much is read ahead. */
const block = 16384;

/** Reads a message out of a file: its buffer is as long as the file, and only where something is looked at it is filled, and takes memory. */
export class StoredReader extends MessageReader {
  readonly #file: StoredFile;
  /** What lies before, and was not skipped, is in the buffer. */
  #end = 0;

  constructor(file: StoredFile, budget?: number) {
    super(new Uint8Array(file.byteLength), budget);
    this.#file = file;
  }

  override tag(): number {
    this.#fetch(this.pos, this.pos + longestHead);
    return super.tag();
  }

  override size(): number {
    const size = super.size();
    this.#fetch(this.pos, this.pos + size);
    return size;
  }

  override skipType(wireType: number, depth?: number, field?: number) {
    if (wireType !== 2) return super.skipType(wireType, depth, field);
    const size = super.size();
    if (size < smallestStored) this.#fetch(this.pos, this.pos + size);
    return this.skip(size);
  }

  override bytes(): Uint8Array {
    const size = this.size();
    const bytes = super.raw(this.pos, this.pos + size).slice();
    this.skip(size);
    return bytes;
  }

  /** Fields that our schema leaves undecoded. */
  override raw(start: number, end: number): Uint8Array {
    const length = end - start;
    // A copy: views would keep the buffer, which is as long as the file.
    const bytes = super.raw(start, length < smallestStored ? end : start + longestHead).slice();
    // They go nowhere but into `$unknowns`, which hold any payload.
    return length < smallestStored ? bytes : (new StoredField(this.#file, start, end, bytes) as Payload as Uint8Array);
  }

  #fetch(start: number, end: number): void {
    if (end <= this.#end) return;
    const from = Math.max(this.#end, start);
    this.#end = Math.min(Math.max(end, from + block), this.#file.byteLength);
    if (from < this.#end) this.#file.read(from, this.buf.subarray(from, this.#end));
  }
}
