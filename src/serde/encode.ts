import { FunnelError } from '../errors.ts';
import { type ModelProto, onnx } from './onnx.generated.js';
import { ChunkWriter, type Encoded, type Payload } from './wire.ts';

/** The largest message that protobuf allows. Libraries write larger ones without a word, and no library reads them back. */
export const largestMessage = 2 ** 31 - 1;

/** The file that each message was read from. */
const sources = new WeakMap<ModelProto, Payload>();

/** Notes that `proto` was read from `bytes`, so that it is written as the same bytes. */
export function keepBytes(proto: ModelProto, bytes: Payload): void {
  sources.set(proto, bytes);
}

/** Serializes a model; large payloads are referred to, not copied. The size is for the caller to check: see `refuseLarge`. */
export function encodeProto(proto: ModelProto): Encoded {
  const bytes = sources.get(proto);
  if (bytes) return { byteLength: bytes.byteLength, chunks: [bytes] };
  const writer = new ChunkWriter();
  try {
    onnx.ModelProto.encode(proto, writer);
  } catch (error) {
    // Readers have the same limit.
    if (!(error instanceof Error && error.message === 'max depth exceeded')) throw error;
    throw new FunnelError('E_DEPTH', 'the graphs are nested too deeply for a model file, which takes some 30 in each other', {
      cause: error,
    });
  }
  return { byteLength: writer.byteLength, chunks: [...writer.chunks()] };
}

/** @throws FunnelError E_TOO_LARGE */
export function refuseLarge({ byteLength }: Encoded): void {
  if (byteLength <= largestMessage) return;
  const size = (byteLength / 2 ** 30).toFixed(1);
  throw new FunnelError(
    'E_TOO_LARGE',
    `the model would take ${size} GiB, and a model file can hold 2 GiB: write its weights beside it with --external-data`,
  );
}
