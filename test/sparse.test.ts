import { onnx } from 'onnx-proto';
import { expect, test } from 'vitest';
import { foldBatchNorm } from '../passes/fold-batch-norm.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { decode } from '../src/serde/model-file.ts';
import { print } from '../src/text/print.ts';

const floats = (name: string, dims: number[], floatData: number[]) => ({ name, dataType: 1, dims, floatData });
const type = (...dims: number[]) => ({ tensorType: { elemType: 1, shape: { dim: dims.map(dimValue => ({ dimValue })) } } });

/** Conv and BatchNormalization whose scale is a sparse literal: {0, 0.5} by its indices. */
function model(indices: { dims: number[]; int64Data: number[] }): Uint8Array {
  const scale = { values: floats('', [1], [0.5]), indices: { dataType: 7, ...indices }, dims: [2] };
  const node = [
    { opType: 'Constant', output: ['s'], attribute: [{ name: 'sparse_value', type: 11, sparseTensor: scale }] },
    { opType: 'Conv', input: ['x', 'w'], output: ['t'] },
    { opType: 'BatchNormalization', input: ['t', 's', 'b', 'm', 'v'], output: ['y'], attribute: [{ name: 'epsilon', type: 1, f: 0 }] },
  ];
  const initializer = [floats('w', [2, 1, 1, 1], [3, 4]), floats('b', [2], [1, -1]), floats('m', [2], [0, 2]), floats('v', [2], [4, 0.25])];
  const graph = {
    name: 'g',
    node,
    initializer,
    input: [{ name: 'x', type: type(1, 1, 3, 3) }],
    output: [{ name: 'y', type: type(1, 2, 3, 3) }],
  };
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport: [{ domain: '', version: 17 }], graph }).finish();
}

test.each([
  ['flat', { dims: [1], int64Data: [1] }],
  ['by coordinate', { dims: [1, 1], int64Data: [1] }],
])('a sparse literal is a constant: indices %s', async (_, indices) => {
  const { model: folded } = await rewrite(decode(model(indices)), [foldBatchNorm()], { check: true });
  expect(print(folded)).toContain('float[2,1,1,1] y_W = {0, 4}');
  expect(print(folded)).toContain('float[2] y_B = {1, -3}');
});

test('a sparse literal whose parts do not fit is left alone', async () => {
  const { report } = await rewrite(decode(model({ dims: [2], int64Data: [0, 1] })), [foldBatchNorm()]);
  expect(report[0]!.fired).toEqual([]);
  expect(report[0]!.refused.map(r => r.code)).toEqual(['E_UNFOLDED']);
});
