import { Tensor } from '../tensor/tensor.ts';
import type { SparseTensorProto } from './onnx.generated.js';
import { type DataFiles, tensorOf } from './tensors.ts';

/** Elements that a sparse literal may stand for; beyond that it is data, not a parameter. */
const LARGEST = 2 ** 24;

/**
 * The dense tensor that a sparse one stands for, spelled out when someone asks for its elements. Indices are [NNZ], into the flat
 * tensor, or [NNZ, rank]. Undefined where the parts do not fit together.
 */
export function denseOf(proto: SparseTensorProto, files: DataFiles, path: string): Tensor | undefined {
  if (!proto.values || !proto.indices) return undefined;
  const values = tensorOf(proto.values, files, `${path}.values`);
  const indices = tensorOf(proto.indices, files, `${path}.indices`);
  const dims = proto.dims.map(Number);
  const size = dims.reduce((a, b) => a * b, 1);
  const coordinates = indices.rank === 2 ? dims.length : 1;
  if (!(size >= 0 && size <= LARGEST) || indices.dtype !== 'int64' || indices.size !== values.size * coordinates) return undefined;
  const bytesPer = values.byteLength === undefined ? 0 : values.byteLength / Math.max(values.size, 1);
  if (values.size > 0 && !Number.isInteger(bytesPer)) return undefined;
  const bytes = () => {
    const dense = new Uint8Array(size * bytesPer);
    const [source, at] = [values.bytes(), indices.numbers()];
    for (let i = 0; i < values.size; i++) {
      let flat = 0;
      for (let d = 0; d < coordinates; d++) flat = flat * (coordinates === 1 ? 1 : dims[d]!) + at[i * coordinates + d]!;
      if (flat >= 0 && flat < size) dense.set(source.subarray(i * bytesPer, (i + 1) * bytesPer), flat * bytesPer);
    }
    return dense;
  };
  return Tensor.stored(values.dtype, dims, { bytes });
}
