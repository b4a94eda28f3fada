import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Dim } from '../ir/value.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { byteLengthOf, type DType } from '../tensor/dtype.ts';
import { RuntimeFailure } from './failure.ts';
import type { Optimization } from './optimization.ts';

/** What parent and child say to each other. Anything big lies in a file of the pair's temporary folder; only its path crosses the channel. */
export type Request =
  | { readonly op: 'open'; readonly model: WireModel; readonly options: OpenOptions }
  | { readonly op: 'run'; readonly session: number; readonly feeds: Packed; readonly outputs: readonly string[] | undefined }
  /** Runs the same feeds again and again and tells the times alone; without `feeds`, those of the last such request. */
  | { readonly op: 'repeat'; readonly session: number; readonly feeds: Packed | undefined; readonly times: number }
  | { readonly op: 'release'; readonly session: number }
  | { readonly op: 'interface'; readonly model: WireModel; readonly strictShapes: boolean }
  | { readonly op: 'describe' };

export interface Replies {
  open: { readonly session: number; readonly milliseconds: number } & ModelInterface;
  run: { readonly outputs: Packed; readonly placement: Placement | undefined; readonly milliseconds: number };
  repeat: { readonly placement: Placement | undefined; readonly milliseconds: readonly number[] };
  release: Record<string, never>;
  interface: ModelInterface;
  describe: { readonly version: string; readonly backends: readonly { readonly name: string; readonly bundled: boolean }[] };
}

export type Reply = { readonly ok: true; readonly value: Replies[keyof Replies] } | { readonly ok: false; readonly message: string };

/** A file to load, or bytes; `directory` is where bytes find their external data. */
export type WireModel = { readonly path: string } | { readonly bytes: Uint8Array } | { readonly file: string; readonly directory: string };

export interface OpenOptions {
  readonly provider: string;
  readonly optimization: Optimization;
  /** Threads inside an operator; undefined leaves the choice to ONNX Runtime. */
  readonly threads: number | undefined;
  /** Threads that wait for work rest between runs instead of spinning. */
  readonly restBetweenRuns: boolean;
  /** Path prefix of the profile from which node placement is read; undefined asks for none. */
  readonly profile: string | undefined;
}

/** A graph input or output as ONNX Runtime sees it. */
export interface ValueMetadata {
  readonly name: string;
  /** Undefined for sequences, maps and optionals. */
  readonly dtype: DType | undefined;
  /** A scalar and an unknown rank look alike: both are []. */
  readonly shape: readonly Dim[];
}

/** The inputs that must be fed (initializers are not among them) and the outputs. */
export interface ModelInterface {
  readonly inputs: readonly ValueMetadata[];
  readonly outputs: readonly ValueMetadata[];
}

/** Where the nodes of the optimised graph ran. */
export interface Placement {
  /** Number of nodes on each provider, by ONNX Runtime's name for it, such as `CPUExecutionProvider`. */
  readonly nodes: Readonly<Record<string, number>>;
  /** The nodes that ran on the CPU although another provider was asked for, memory copies not counted. */
  readonly fallbacks: readonly { readonly node: string; readonly operator: string }[];
}

export interface WireTensor {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Little-endian bytes, or where they start in the pack's file, or strings. */
  readonly data: Uint8Array | number | readonly string[];
}

export interface Packed {
  readonly tensors: Readonly<Record<string, WireTensor>>;
  readonly file: string | undefined;
}

/** Beyond this size a file is faster than the channel, which serialises and copies (100 MB there and back: 0.1–0.2 s against 0.3–1.8 s). */
export const inlineLimit = 1 << 16;

const align = (n: number) => Math.ceil(n / 64) * 64;

/** Makes tensors ready to cross the process boundary; the receiver deletes `file`. */
export function pack(tensors: Readonly<Record<string, WireTensor>>, file: string): Packed {
  const entries = Object.entries(tensors);
  const bytes = entries.reduce((sum, [, t]) => sum + (t.data instanceof Uint8Array ? t.data.byteLength : 0), 0);
  if (bytes <= inlineLimit) return { tensors, file: undefined };
  return writing(file, fd => {
    let at = 0;
    const placed = entries.map(([name, t]): [string, WireTensor] => {
      if (!(t.data instanceof Uint8Array)) return [name, t];
      const start = at;
      writeFully(fd, t.data, start);
      at = align(start + t.data.byteLength);
      return [name, { ...t, data: start }];
    });
    return { tensors: Object.fromEntries(placed), file };
  });
}

/** Writes a file of the pair's folder. @throws RuntimeFailure where the disk is full, in words that `classify` knows: they may cross the channel */
export function writing<T>(file: string, write: (fd: number) => T): T {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'w');
    return write(fd);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    throw new RuntimeFailure(
      'error',
      'memory',
      `no room for temporary files in ${dirname(dirname(file))}: set TMPDIR to a folder that has some`,
    );
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Writes bytes that come in pieces. @throws RuntimeFailure where there is no room */
export function writePieces(file: string, pieces: Iterable<Uint8Array>): void {
  writing(file, fd => {
    let at = 0;
    for (const piece of pieces) {
      writeFully(fd, piece, at);
      at += piece.byteLength;
    }
  });
}

/** One call moves 2 GiB at most. */
const mostAtOnce = 2 ** 30;

function writeFully(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.byteLength; )
    done += writeSync(fd, bytes, done, Math.min(bytes.byteLength - done, mostAtOnce), at + done);
}

/** The tensors of a pack, each with bytes of its own: one that is kept must not keep the others. */
export function unpack(packed: Packed): Record<string, WireTensor> {
  if (packed.file === undefined) return { ...packed.tensors };
  const fd = openSync(packed.file, 'r');
  try {
    const taken = ([name, t]: [string, WireTensor]) => {
      if (typeof t.data !== 'number') return [name, t];
      return [name, { ...t, data: readFully(fd, byteLengthOf(t.dtype, sizeOf(t.dims)) ?? 0, t.data) }];
    };
    return Object.fromEntries(Object.entries(packed.tensors).map(taken));
  } finally {
    closeSync(fd);
    rmSync(packed.file, { force: true });
  }
}

function readFully(fd: number, length: number, at: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const n = readSync(fd, bytes, done, Math.min(length - done, mostAtOnce), at + done);
    if (n === 0) throw new Error('the file of a pack ended early');
    done += n;
  }
  return bytes;
}
