import { dirname } from 'node:path';
import type { Model } from '../ir/model.ts';
import { decodeProto } from './decode.ts';
import { encodeProto, keepBytes, refuseLarge } from './encode.ts';
import { dataFilesOf, type ExternalOptions, noDataFiles } from './external.ts';
import { readBytes, tooLargeModel } from './file.ts';
import { load } from './load.ts';
import { onnx } from './onnx.generated.js';
import { save } from './save.ts';
import { StoredFile, StoredReader } from './stored.ts';
import type { DataFiles } from './tensors.ts';
import { concat, type Encoded, type Payload, piecesOf } from './wire.ts';
import { inlined, type WriteOptions, writeModel } from './write-model.ts';

export { readBytes } from './file.ts';
export { writeFile as writeBytes } from './write-file.ts';
export type { WriteOptions };

/** How much of a file to trust. */
export interface ReadOptions extends ExternalOptions {
  /** How many messages a model may consist of; 5 million unless given. */
  readonly budget?: number;
  /** Leave weights in the file until someone asks for them: for a model that is looked at once, and a file that does not change meanwhile. */
  readonly inPlace?: boolean;
}

export interface DecodeOptions extends ReadOptions {
  /** Where external data is looked for; without it, tensors whose data is external are carried, but can't be read. */
  readonly directory?: string;
}

/**
 * Reads a model file; `-` stands for standard input. Weights stay views on the file's bytes, and external data stays in its files, until
 * someone asks for elements.
 * @throws FunnelError E_READ when the file can't be read
 * @throws DecodeError when it is not a model, saying what it is instead where that can be told
 * @throws InvalidModel when names in it don't resolve
 */
export async function read(path: string, options: ReadOptions = {}): Promise<Model> {
  const files = path === '-' ? noDataFiles : dataFilesOf(dirname(path), path, options);
  const found = options.inPlace ? readInPlace(path, files, options.budget) : undefined;
  if (found) return found;
  return decodeWith(await readBytes(path, tooLargeModel), files, options.budget);
}

/**
 * Writes a model file; `-` stands for standard output. An unchanged model is written as the bytes it was read from. The file is replaced in
 * one step: a failed write leaves the old one as it was, and reading and writing the same path is fine.
 * @throws FunnelError E_WRITE when the file can't be written; E_TOO_LARGE when the model needs `externalData`
 * @throws InvalidModel when two values of the model would share a name
 * @throws DecodeError when external data is not there, or not as the model says
 */
export function write(model: Model, path: string, options: WriteOptions = {}): Promise<void> {
  return writeModel(model, path, options);
}

/** Reads a model out of memory; it keeps views on `bytes`. @throws as `read` does */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): Model {
  const files = options.directory === undefined ? noDataFiles : dataFilesOf(options.directory, undefined, options);
  return decodeWith(bytes, files, options.budget);
}

export interface EncodeOptions {
  /** Takes external data into the message, for readers that have no directory to look in; otherwise the message refers to it. */
  readonly inline?: boolean;
}

/** Writes a model into memory. @throws as `write` does */
export function encode(model: Model, options: EncodeOptions = {}): Uint8Array {
  return concat(encoded(model, options));
}

/** Writes a model in pieces, each on loan until the next: whatever its size, that takes little memory. @throws as `write` does */
export function encodePieces(model: Model, options: EncodeOptions = {}): Iterable<Uint8Array> {
  const { chunks } = encoded(model, options);
  return {
    *[Symbol.iterator]() {
      for (const chunk of chunks) yield* piecesOf(chunk);
    },
  };
}

/** Writes a model as chunks that follow one another: weights are referred to, not copied. @throws as `write` does */
export function encodeChunks(model: Model, options: EncodeOptions = {}): readonly Payload[] {
  return encoded(model, options).chunks;
}

function encoded(model: Model, { inline = false }: EncodeOptions): Encoded {
  const result = encodeProto(save(model, inline ? inlined : undefined));
  refuseLarge(result);
  return result;
}

/** Undefined where something is wrong: reading all of it tells what. */
function readInPlace(path: string, files: DataFiles, budget: number | undefined): Model | undefined {
  const file = path === '-' ? undefined : StoredFile.at(path);
  if (!file) return undefined;
  try {
    const proto = onnx.ModelProto.decode(new StoredReader(file, budget));
    keepBytes(proto, file);
    return load(proto, files, budget);
  } catch {
    return undefined;
  }
}

function decodeWith(bytes: Uint8Array, files: DataFiles, budget: number | undefined): Model {
  const proto = decodeProto(bytes, budget);
  keepBytes(proto, bytes);
  return load(proto, files, budget);
}
