import { int, message, sub } from './wire.ts';

/** ONNX messages by hand. Parts are further fields; see test/support/wire.ts. */
export const relu = (input: string, output: string, ...parts: readonly Uint8Array[]) =>
  message(sub(1, input), sub(2, output), sub(4, 'Relu'), ...parts);

export const tensorType = (elemType: number, ...dims: readonly (number | string)[]) =>
  sub(1, int(1, elemType), sub(2, message(...dims.map(dim => sub(1, typeof dim === 'number' ? int(1, dim) : sub(2, dim))))));

export const valueInfo = (name: string, ...parts: readonly Uint8Array[]) => message(sub(1, name), sub(2, tensorType(1, 'N', 3)), ...parts);

/** A float tensor with raw data. */
export const tensor = (name: string, values: readonly number[], ...parts: readonly Uint8Array[]) =>
  message(int(1, values.length), int(2, 1), sub(8, name), sub(9, new Uint8Array(Float32Array.from(values).buffer)), ...parts);

export const model = (irVersion: number, graph: Uint8Array, ...parts: readonly Uint8Array[]) =>
  message(int(1, irVersion), sub(8, int(2, 17)), sub(7, graph), ...parts);

/** x → Relu → y. */
export const smallGraph = message(sub(1, relu('x', 'y')), sub(2, 'g'), sub(11, valueInfo('x')), sub(12, valueInfo('y')));
