import { realpathSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FunnelError } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { encodeProto, largestMessage, refuseLarge } from './encode.ts';
import { revise } from './message.ts';
import { onnx, type TensorProto } from './onnx.generated.js';
import { rawData, withoutPayload } from './payload.ts';
import { save } from './save.ts';
import { type DataSource, external, ProtoStorage } from './tensors.ts';
import type { Payload } from './wire.ts';
import { stage, targetOf, writeFile } from './write-file.ts';

export interface WriteOptions {
  /** The name of a data file, beside the model, that the weights are written to. Models beyond 2 GiB need one. */
  readonly externalData?: string;
}

/** Tensors smaller than this stay in the model even when there is a data file. */
const smallestExternal = 1024;

/** What maps into memory page by page should start at a page. */
const alignment = 4096;

/** See `write`. */
export async function writeModel(model: Model, path: string, options: WriteOptions): Promise<void> {
  // Where the file will lie, not where a link to it does.
  const target = path === '-' ? undefined : await targetOf(path);
  const directory = target && (await realpath(dirname(target)).catch(() => dirname(target)));
  if (options.externalData !== undefined) return writeBoth(model, path, directory, options.externalData);
  let moved = false;
  const encoded = encodeProto(
    save(model, (proto, tensor) => {
      const source = sourceOf(proto, tensor);
      if (source && target) refuseOverwriting(source, target);
      if (!source || isIn(source, directory)) return proto;
      moved = true;
      return inlined(proto, tensor);
    }),
  );
  // What came with a data file may go with one; what came as one file is not split unasked.
  if (encoded.byteLength > largestMessage && moved && directory !== undefined)
    return writeBoth(model, path, directory, `${basename(path)}.data`);
  refuseLarge(encoded);
  await writeFile(path, encoded.chunks);
}

/** Writes the weights into a file of their own. Data that lies beside the output already stays where it is. */
async function writeBoth(model: Model, path: string, directory: string | undefined, name: string): Promise<void> {
  if (directory === undefined) throw new FunnelError('E_WRITE', 'external data needs a file to lie beside, which standard output is not');
  if (name === '' || name !== basename(name) || name.includes('\\')) {
    throw new FunnelError('E_WRITE', `'${name}' is not the name of a file beside the model`);
  }
  const dataPath = join(directory, name);
  if (dataPath === join(directory, basename(path))) throw new FunnelError('E_WRITE', `the model and its data can't be the same file`);
  // It may be anybody's: the model that is being read, or the data of another one.
  if (await lstat(dataPath).catch(() => undefined))
    throw new FunnelError('E_WRITE', `${dataPath} exists already: choose another name for the data, or remove it`);
  const payloads: Payload[] = [];
  let size = 0;
  const proto = save(model, (proto, tensor) => {
    const source = sourceOf(proto, tensor);
    if (source) refuseOverwriting(source, dataPath);
    if (!tensor || (source && isIn(source, directory))) return proto;
    const length = tensor.byteLength;
    if (length === undefined || length < smallestExternal) return inlined(proto, tensor);
    const padding = (alignment - (size % alignment)) % alignment;
    if (padding > 0) payloads.push(new Uint8Array(padding));
    payloads.push(source ?? tensor.bytes());
    const offset = size + padding;
    size = offset + length;
    const entries = { location: name, offset: String(offset), length: String(length) };
    return revise(onnx.TensorProto, proto, {
      external_data: Object.entries(entries).map(([key, value]) => revise(onnx.StringStringEntryProto, undefined, { key, value })),
      data_location: external,
      $unknowns: withoutPayload(proto.$unknowns ?? []),
    });
  });
  const encoded = encodeProto(proto);
  refuseLarge(encoded);
  // Both are complete before either takes its place.
  const data = payloads.length > 0 ? await stage(dataPath, payloads) : undefined;
  try {
    const file = await stage(path, encoded.chunks);
    try {
      await data?.commit();
      await file.commit();
    } finally {
      await file.discard();
    }
  } finally {
    await data?.discard();
  }
}

function sourceOf(proto: TensorProto, tensor: Tensor | undefined): DataSource | undefined {
  return proto.data_location === external && tensor?.storage instanceof ProtoStorage ? tensor.storage.source : undefined;
}

function isIn(source: DataSource, directory: string | undefined): boolean {
  return directory !== undefined && real(source.directory) === directory;
}

/** A tensor's message with the data in it. */
export function inlined(proto: TensorProto, tensor: Tensor | undefined): TensorProto {
  const source = sourceOf(proto, tensor);
  if (!source) return proto;
  const $unknowns = [...withoutPayload(proto.$unknowns ?? []), rawData(source)];
  return revise(onnx.TensorProto, proto, { external_data: undefined, data_location: undefined, $unknowns });
}

/** Tensors are read from their file whenever someone asks: it must stay what it is. */
function refuseOverwriting(source: DataSource, dataPath: string): void {
  if (real(join(source.directory, source.location)) !== real(dataPath)) return;
  throw new FunnelError('E_WRITE', `${dataPath} holds data of the model that is being written: choose another name`);
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
