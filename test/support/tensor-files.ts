import { zipSync } from 'fflate';
import { normal } from '../../src/tensor/random.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

const codes: Readonly<Record<string, string>> = { float: '<f4', double: '<f8', float16: '<f2', int64: '<i8', int32: '<i4', uint8: '|u1' };

/** A tensor as a `.npy` file, version 1. */
export function npy(tensor: Tensor): Uint8Array {
  const shape = `(${tensor.dims.map(d => `${d},`).join(' ')})`;
  const text = `{'descr': '${codes[tensor.dtype]}', 'fortran_order': False, 'shape': ${shape}, }`;
  const head = new TextEncoder().encode(`${text.padEnd(117)}\n`);
  return Uint8Array.from([
    0x93,
    ...new TextEncoder().encode('NUMPY'),
    1,
    0,
    head.length & 255,
    head.length >> 8,
    ...head,
    ...tensor.bytes(),
  ]);
}

/** Tensors as a safetensors file. */
export function safetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const names: Readonly<Record<string, string>> = { float: 'F32', float16: 'F16', bfloat16: 'BF16', double: 'F64' };
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  for (const [name, tensor] of tensors) {
    header[name] = { dtype: names[tensor.dtype], shape: tensor.dims, data_offsets: [offset, offset + tensor.bytes().length] };
    offset += tensor.bytes().length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Uint8Array.from([...length, ...text, ...[...tensors.values()].flatMap(t => Array.from(t.bytes()))]);
}

/** Random tensors by name; variances are positive. */
export const tensors = (sizes: Readonly<Record<string, readonly number[]>>, dtype: 'float' | 'float16' = 'float') =>
  new Map(
    Object.entries(sizes).map(([name, dims]) => {
      const values = normal(
        name,
        dims.reduce((a, b) => a * b, 1),
      );
      return [name, Tensor.of(dtype, dims, name.includes('var') ? values.map(x => 0.5 + x * x) : values)];
    }),
  );
/** Tensors as a `.npz` archive. */
export const npz = (all: ReadonlyMap<string, Tensor>) => zipSync(Object.fromEntries([...all].map(([name, t]) => [`${name}.npy`, npy(t)])));
