import { DecodeError } from '../errors.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { byteLengthOf, type DType } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';

const dtypes: Readonly<Record<string, DType>> = {
  F64: 'double',
  F32: 'float',
  F16: 'float16',
  BF16: 'bfloat16',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  I64: 'int64',
  I32: 'int32',
  I16: 'int16',
  I8: 'int8',
  U64: 'uint64',
  U32: 'uint32',
  U16: 'uint16',
  U8: 'uint8',
  BOOL: 'bool',
};

/** The format's own bound on its header. */
const LARGEST_HEADER = 100_000_000;

/** Whether bytes begin as a safetensors file does: a length, then a JSON object. */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && headerLength(bytes) <= LARGEST_HEADER;
}

const headerLength = (bytes: Uint8Array) => Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));

/**
 * The tensors of a safetensors file, by name.
 * @throws DecodeError for a header that does not fit the data
 */
export function readSafetensors(bytes: Uint8Array, where: string): Map<string, Tensor> {
  const fail = (what: string): never => {
    throw new DecodeError('E_SAFETENSORS', `${where}: ${what}`);
  };
  const length = headerLength(bytes);
  if (length > LARGEST_HEADER || 8 + length > bytes.length) fail('the header is cut off');
  const data = bytes.subarray(8 + length);
  const tensors = new Map<string, Tensor>();
  const entries = Object.entries(headerOf(bytes.subarray(8, 8 + length)) ?? fail('the header is not JSON'));
  for (const [name, entry] of entries) {
    if (name === '__metadata__') continue;
    const { dtype, shape, data_offsets: offsets } = entry as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
    if (!isSizes(shape) || !isSizes(offsets) || offsets.length !== 2 || typeof dtype !== 'string')
      return fail(`the entry of ${name} can not be read`);
    const known = Object.hasOwn(dtypes, dtype) ? dtypes[dtype] : undefined;
    if (known === undefined) return fail(`${name} is of type ${dtype}, which ONNX does not have`);
    const [begin, end] = offsets as [number, number];
    if (begin > end || end > data.length) fail(`${name} lies beyond the end of the file`);
    if (byteLengthOf(known, sizeOf(shape)) !== end - begin)
      fail(`${name}: shape [${shape.join(', ')}] of ${dtype} does not fit ${end - begin} bytes`);
    tensors.set(name, Tensor.stored(known, shape, { bytes: () => data.slice(begin, end) }));
  }
  return tensors;
}

function headerOf(bytes: Uint8Array): object | undefined {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return typeof header === 'object' && header !== null && Object.values(header).every(v => typeof v === 'object' && v !== null)
      ? header
      : undefined;
  } catch {
    return undefined;
  }
}

const isSizes = (x: unknown): x is number[] => Array.isArray(x) && x.every(n => Number.isSafeInteger(n) && (n as number) >= 0);
