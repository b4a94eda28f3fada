import { DecodeError, FunnelError } from '../errors.ts';
import { byteLengthOf, codeOfDtype, type DType, dtypeOfCode } from '../tensor/dtype.ts';
import { type Storage, Tensor } from '../tensor/tensor.ts';
import { revise } from './message.ts';
import { onnx, type TensorProto } from './onnx.generated.js';
import { hasPayload, isStored, payloadBytes, rawData, rawLength, storedPieces, stringData, stringsOf, withoutPayload } from './payload.ts';
import { ChunkWriter, concat, MessageReader } from './wire.ts';

/** TensorProto.DataLocation.EXTERNAL */
export const external = 1;

/** Reads the elements of a tensor whose data lies in another file. */
export interface DataFiles {
  /** Checks what the tensor says about its place, without touching the file; the result reads it. @throws DecodeError */
  open(proto: TensorProto, byteLength: number | undefined, path: string): DataSource;
}

/** Where in which file a tensor's elements lie. */
export interface DataSource {
  /** The folder that the tensor's `location` is relative to. */
  readonly directory: string;
  readonly location: string;
  readonly byteLength: number;
  /** @throws DecodeError, when the file is not there or not as the tensor says */
  read(): Uint8Array;
  /** The same in pieces of bounded size. */
  pieces(): Iterable<Uint8Array>;
}

/** The elements of a tensor as a model holds them. An untouched tensor is written as it was read: its storage is its message. */
export class ProtoStorage implements Storage {
  readonly proto: TensorProto;
  readonly source: DataSource | undefined;
  readonly #dtype: DType;
  readonly #size: number;
  readonly #path: string;
  #bytes: Uint8Array | undefined;

  constructor(proto: TensorProto, dtype: DType, size: number, path: string, source?: DataSource) {
    this.proto = proto;
    this.source = source;
    this.#dtype = dtype;
    this.#size = size;
    this.#path = path;
  }

  bytes(): Uint8Array {
    if (this.source) return this.source.read();
    if (this.#bytes) return this.#bytes;
    const unknowns = this.proto.$unknowns ?? [];
    try {
      const bytes = payloadBytes(unknowns, this.#dtype, this.#size);
      // Kept, because the typed fields take decoding; for raw_data it is the same view on the file. What was left in the file stays there.
      if (!isStored(unknowns)) this.#bytes = bytes;
      return bytes;
    } catch (error) {
      if (error instanceof FunnelError) throw error;
      throw badTensor(this.proto, this.#path, error instanceof Error ? error.message : String(error));
    }
  }

  pieces(): Iterable<Uint8Array> | undefined {
    return this.source ? this.source.pieces() : storedPieces(this.proto.$unknowns ?? []);
  }

  strings(): readonly Uint8Array[] {
    const strings = stringsOf(this.proto.$unknowns ?? []);
    if (strings.length !== this.#size)
      throw badTensor(this.proto, this.#path, `has ${strings.length} strings where its shape wants ${this.#size}`);
    return strings;
  }
}

/** Whether a tensor's elements lie in a file beside the model, to be read when someone asks for them. */
export function isExternal(tensor: Tensor): boolean {
  return tensor.storage instanceof ProtoStorage && tensor.storage.source !== undefined;
}

function badTensor(proto: TensorProto, path: string, what: string): DecodeError {
  return new DecodeError('E_TENSOR', `tensor '${proto.name}' ${what}`, { path });
}

/**
 * The tensor of a message; its elements are looked at when they are asked for.
 * @throws DecodeError for impossible shapes, raw data of the wrong size, and a place of external data that is not safe.
 */
export function tensorOf(proto: TensorProto, files: DataFiles, path: string): Tensor {
  const dtype = dtypeOfCode(proto.data_type);
  const dims = proto.dims.map(Number);
  const size = dims.reduce((a, b) => a * b, 1);
  // The product alone does not tell: a 0 among the dimensions hides the others.
  const bad = dims.some(dim => dim < 0 || !Number.isSafeInteger(dim));
  if (bad || !Number.isSafeInteger(size)) throw badTensor(proto, path, `has the impossible shape [${proto.dims}]`);
  const wanted = byteLengthOf(dtype, size);
  if (proto.data_location === external) {
    if (hasPayload(proto.$unknowns ?? [])) throw badTensor(proto, path, 'has data both in the model and in an external file');
    return Tensor.stored(dtype, dims, new ProtoStorage(proto, dtype, size, path, files.open(proto, wanted, path)));
  }
  const length = proto.$unknowns && rawLength(proto.$unknowns);
  if (length !== undefined && wanted !== undefined && length !== wanted) {
    throw badTensor(proto, path, `has ${length} bytes of data where its shape wants ${wanted}`);
  }
  return Tensor.stored(dtype, dims, new ProtoStorage(proto, dtype, size, path));
}

/**
 * The message of a tensor: the one it was read from where that says the same. `old` is the message it takes the place of, whose doc string
 * and metadata it inherits.
 */
export function tensorProto(tensor: Tensor, name: string, old?: TensorProto | null): TensorProto {
  const dims = tensor.dims.map(BigInt);
  if (tensor.storage instanceof ProtoStorage) return revise(onnx.TensorProto, tensor.storage.proto, { dims, name: name || undefined });
  const payload = tensor.dtype === 'string' ? stringData(tensor.strings()) : [rawData(tensor.bytes())];
  return revise(onnx.TensorProto, old ?? undefined, {
    dims,
    data_type: codeOfDtype(tensor.dtype),
    name: name || undefined,
    external_data: undefined,
    data_location: undefined,
    $unknowns: [...withoutPayload(old?.$unknowns ?? []), ...payload],
  });
}

/** The tensor in a serialized TensorProto, such as the `.pb` files of ONNX's test data. @throws DecodeError */
export const decodeTensor = (bytes: Uint8Array): Tensor => readTensorProto(bytes, 'tensor').tensor;

/**
 * The same with its name, '' where it has none. All of it is read at once: a file that is cut off is told here. `where` names the file.
 * @throws DecodeError
 */
export function readTensorProto(bytes: Uint8Array, where: string): { readonly name: string; readonly tensor: Tensor } {
  const bad = (what: string, cause?: unknown) => new DecodeError('E_TENSOR', `${where}: ${what}`, {}, { cause });
  const open = () => {
    throw bad('a tensor file must hold its data itself');
  };
  try {
    const proto = onnx.TensorProto.decode(new MessageReader(bytes));
    const tensor = tensorOf(proto, { open }, where);
    if (byteLengthOf(tensor.dtype, 1) === undefined && tensor.dtype !== 'string') throw bad('holds no tensor that can be fed');
    if (tensor.dtype === 'string') tensor.strings();
    else tensor.bytes();
    return { name: proto.name, tensor };
  } catch (error) {
    if (error instanceof DecodeError) throw error.message.includes(where) ? error : bad(error.message, error);
    throw bad(error instanceof RangeError ? 'the file is cut off, or holds no tensor' : 'holds no tensor', error);
  }
}

/** A tensor as a serialized TensorProto. */
export function encodeTensor(tensor: Tensor, name: string): Uint8Array {
  const writer = new ChunkWriter();
  onnx.TensorProto.encode(tensorProto(tensor, name), writer);
  return concat({ byteLength: writer.byteLength, chunks: [...writer.chunks()] });
}
