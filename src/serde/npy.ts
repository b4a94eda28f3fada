import { DecodeError } from '../errors.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import type { DType } from '../tensor/dtype.ts';
import { byteLengthOf } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';

/** NumPy's type codes: kind and bytes per element. */
const dtypes: Readonly<Record<string, DType>> = {
  f2: 'float16',
  f4: 'float',
  f8: 'double',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Whether bytes begin as a `.npy` file does. */
export const isNpy = (bytes: Uint8Array): boolean => magic.every((byte, i) => bytes[i] === byte);

/**
 * An array in NumPy's `.npy` format, versions 1 to 3: numbers and booleans in either byte order, row-major or column-major.
 * `where` names the file, or its place in an archive.
 * @throws DecodeError for anything else
 */
export function readNpy(bytes: Uint8Array, where: string): Tensor {
  const fail = (what: string): never => {
    throw new DecodeError('E_NPY', `${where}: ${what}`);
  };
  if (!isNpy(bytes) || bytes.length < 12) fail('not a .npy file, or one that is cut off');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const start = wide ? 12 : 10;
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) fail('the header is cut off');
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const [, order = '', code = ''] = /'descr':\s*'([<>|=])([a-zA-Z]\d+)'/.exec(header) ?? [];
  const [, fortran = ''] = /'fortran_order':\s*(True|False)/.exec(header) ?? [];
  const [, shape] = /'shape':\s*\(([\d,\s]*)\)/.exec(header) ?? [];
  const dtype = Object.hasOwn(dtypes, code) ? dtypes[code] : undefined;
  if (shape === undefined || fortran === '') return fail('the header can not be read');
  if (dtype === undefined) return fail(`its elements are not numbers that ONNX has (${/'descr':\s*([^,]*)/.exec(header)?.[1] ?? '?'})`);
  const dims = shape.split(',').flatMap(size => (size.trim() === '' ? [] : [Number(size)]));
  const length = byteLengthOf(dtype, sizeOf(dims))!;
  if (!Number.isSafeInteger(length) || bytes.length - end !== length)
    fail(`shape (${dims.join(', ')}) of ${dtype} wants ${length} bytes of data, there are ${bytes.length - end}`);
  const elementSize = Number(code.slice(1));
  let data = bytes.slice(end);
  if (order === '>' && elementSize > 1) data = swapped(data, elementSize);
  if (fortran === 'True' && dims.length > 1) data = rowMajor(data, dims, elementSize);
  return Tensor.stored(dtype, dims, { bytes: () => data });
}

function swapped(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) result[i] = bytes[i - (i % size) + (size - 1 - (i % size))]!;
  return result;
}

/** Elements that lay with the first axis fastest, with the last one fastest. */
function rowMajor(bytes: Uint8Array, dims: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length);
  const count = bytes.length / size;
  for (let i = 0; i < count; i++) {
    let rest = i;
    let target = 0;
    let stride = 1;
    const index = dims.map(d => {
      const k = rest % d;
      rest = Math.floor(rest / d);
      return k;
    });
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      target += index[axis]! * stride;
      stride *= dims[axis]!;
    }
    result.set(bytes.subarray(i * size, (i + 1) * size), target * size);
  }
  return result;
}
