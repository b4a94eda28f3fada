import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, test } from 'vitest';
import { passes, pipelines } from '../passes/index.ts';
import { read } from '../src/api.ts';
import { FunnelError } from '../src/errors.ts';
import { groupWeights, modulePath, TrainedWeights } from '../src/functions/weights.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { readWeights } from '../src/inspect/trained.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { encode } from '../src/serde/model-file.ts';
import { readNpy } from '../src/serde/npy.ts';
import { readTensorFile } from '../src/serde/tensor-file.ts';
import { normal, random } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare } from './support/equivalence.ts';
import { npy, safetensors } from './support/tensor-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-weights-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  return Promise.all([closeFactRuntime(), closeRuntime()]);
});
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

const tensors = (sizes: Readonly<Record<string, readonly number[]>>, dtype: 'float' | 'float16' = 'float') =>
  new Map(
    Object.entries(sizes).map(([name, dims]) => {
      const values = normal(
        name,
        dims.reduce((a, b) => a * b, 1),
      );
      return [name, Tensor.of(dtype, dims, name.includes('var') ? values.map(x => 0.5 + x * x) : values)];
    }),
  );
const npz = (all: ReadonlyMap<string, Tensor>) => zipSync(Object.fromEntries([...all].map(([name, t]) => [`${name}.npy`, npy(t)])));

/** Two activations of 4 channels, named as PyTorch's exporter does. */
const relus = parse(
  `<ir_version: 8, opset_import: ["" : 17]>
  g (float[1,4,8,8] x) => (float[1,4,8,8] y) {
    ["/layer1/layer1.0/relu/Relu"] "/layer1/layer1.0/relu/Relu_output_0" = Relu (x)
    n = Neg ("/layer1/layer1.0/relu/Relu_output_0")
    ["/act/Clip"] y = Clip <min = 0.0, max = 6.0> (n)
  }`.replace('["" : 17]', '["" : 10]'),
);

const torch = tensors({
  'layer1.0.relu.conv_frelu.weight': [4, 1, 3, 3],
  'layer1.0.relu.conv_frelu.bias': [4],
  'layer1.0.relu.bn_frelu.weight': [4],
  'layer1.0.relu.bn_frelu.bias': [4],
  'layer1.0.relu.bn_frelu.running_mean': [4],
  'layer1.0.relu.bn_frelu.running_var': [4],
  'act.conv_frelu1.weight': [4, 1, 1, 3],
  'act.conv_frelu2.weight': [4, 1, 3, 1],
  'backbone.weight': [8, 4, 3, 3],
});

const convert = async (model: Model, weights: TrainedWeights, options = {}) =>
  rewrite(model, [passes['relu-to-frelu']!({ ...options, weights })], { check: true });

describe('weights of activations', () => {
  test('from PyTorch names, in a form to train and folded, compute the same', async () => {
    const weights = () => new TrainedWeights('state', groupWeights(torch));
    const trainable = await convert(relus, weights(), { form: 'trainable' });
    expect(trainable.report[0]!.fired).toHaveLength(2);
    expect([...trainable.model.graph.nodes()].filter(n => n.op.name === 'BatchNormalization')).toHaveLength(3);
    const folded = await convert(relus, weights());
    const fused = await convert(relus, weights(), { form: 'fused' });
    for (const { model } of [folded, fused]) expect((await compare(trainable.model, model)).reasons).toEqual([]);
    expect((await compare(relus, folded.model)).same).toBe(false);
  });

  test.each(['weights.npz', 'weights.safetensors'])('from %s', async name => {
    const path = file(name, name.endsWith('z') ? npz(torch) : safetensors(torch));
    const found = await readTensorFile(path);
    expect([...found.keys()].sort()).toEqual([...torch.keys()].sort());
    for (const [key, tensor] of torch) expect(Array.from(found.get(key)!.numbers())).toEqual(Array.from(tensor.numbers()));
    const { report } = await convert(relus, await readWeights(path, read));
    expect(report[0]!.fired).toHaveLength(2);
  });

  test("from another ONNX model, by its funnels' names: the trained network, whatever its form", async () => {
    const resnet = parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));
    const trained = (await rewrite(resnet, [passes['relu-to-frelu']!({ form: 'trainable', init: 'gaussian' })])).model;
    for (const [i, names] of [[], pipelines.deploy!, pipelines.fuse!, pipelines.lower!].entries()) {
      const { model } = await rewrite(
        trained,
        names.map(name => passes[name]!({ target: 'ort-cpu' })),
      );
      const path = file(`trained${i}.onnx`, encode(model));
      const again = await convert(resnet, await readWeights(path, read));
      expect(again.report[0]).toMatchObject({ fired: { length: 13 }, refused: [] });
      expect((await compare(trained, again.model)).reasons).toEqual([]);
    }
  });

  test('what has no weights stays, with a reason', async () => {
    const some = new Map([...torch].filter(([name]) => !name.startsWith('act')));
    const { report } = await convert(relus, new TrainedWeights('state', groupWeights(some)));
    expect(report[0]!.refused).toMatchObject([{ code: 'E_WEIGHTS', node: '/act/Clip' }]);
  });

  test('of another shape are an error', async () => {
    const weights = new TrainedWeights('state', groupWeights(tensors({ 'act.weight': [32, 1, 3, 3] })));
    await expect(convert(relus, weights)).rejects.toThrow(/another shape: the activation y has 4 channels, state has \[32,1,3,3\]/);
  });

  test('0 under γ = 1 are the trap', async () => {
    const zeros = new Map([['act.weight', Tensor.fill('float', [4, 1, 3, 3], 0).settle()]]);
    const { report } = await convert(relus, new TrainedWeights('state', groupWeights(zeros)), { form: 'trainable' });
    expect(report[0]!.refused.map(r => r.code)).toContain('E_TRAP');
  });

  test('half precision is rounded once', async () => {
    const half = parse(`<ir_version: 8, opset_import: ["" : 17]> g (float16[1,4,5,5] x) => (float16[1,4,5,5] act) { act = Relu (x) }`);
    const { model } = await convert(half, new TrainedWeights('state', groupWeights(tensors({ act_W: [4, 1, 3, 3], act_B: [4] }))));
    expect([...model.graph.constants].map(v => v.dtype)).toEqual(['float16', 'float16']);
  });

  test('names of modules', () => {
    expect(modulePath('/layer1/layer1.0/relu/Relu_output_0')).toBe('layer1.0.relu');
    expect(modulePath('/layer1/layer1.0/relu_1/Relu')).toBe('layer1.0.relu_1');
    expect(modulePath('/features/features.0/features.0.2/Clip')).toBe('features.0.2');
    expect(modulePath('relu_7')).toBe('relu_7');
  });
});

describe('hostile files', () => {
  const good = npy(Tensor.of('float', [2, 3], [1, 2, 3, 4, 5, 6]));
  const header = (text: string, data = new Uint8Array(0)) => npyOf(text, data);

  test('both byte orders and both element orders', () => {
    const values = (t: Tensor) => Array.from(t.numbers());
    expect(values(readNpy(good, 'x'))).toEqual([1, 2, 3, 4, 5, 6]);
    const big = header("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", Uint8Array.of(1, 0, 0, 2));
    expect(values(readNpy(big, 'x'))).toEqual([256, 2]);
    const columns = header("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", Uint8Array.of(1, 4, 2, 5, 3, 6));
    expect(values(readNpy(columns, 'x'))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['cut off', good.subarray(0, 40), /cut off/],
    ['objects', header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), /not numbers/],
    ['too little data', good.subarray(0, -1), /wants 24 bytes of data, there are 23/],
    ['no header', header('nonsense'), /header can not be read/],
    ['a shape beyond memory', header("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }"), /there are 0/],
  ])('.npy: %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'a.npy')).toThrow(message);
  });

  test('neither of them', async () => {
    await expect(readTensorFile(file('x.txt', new TextEncoder().encode('hello')))).rejects.toThrow(/neither \.npz nor/);
    await expect(readTensorFile(join(folder, 'absent.npz'))).rejects.toThrow(/no such file/);
    await expect(readTensorFile(folder)).rejects.toThrow(/directory/);
  });

  test('a zip that would fill memory is refused before it does', async () => {
    const bomb = zipSync({ 'a.npy': new Uint8Array(1000) });
    // The central directory's and the local header's uncompressed size.
    for (const signature of [0x02014b50, 0x04034b50]) {
      const view = new DataView(bomb.buffer, bomb.byteOffset);
      for (let i = 0; i + 30 < bomb.length; i++)
        if (view.getUint32(i, true) === signature) view.setUint32(i + (signature === 0x02014b50 ? 24 : 22), 0xfffffff0, true);
    }
    await expect(readTensorFile(file('bomb.npz', bomb))).rejects.toThrow(/would inflate to more than 2 GiB/);
  });

  test.each(['npz', 'safetensors', 'npy'])('%s with flipped and missing bytes gives errors of ours, or tensors', async kind => {
    const small = new Map([['act.weight', Tensor.of('float', [1, 1, 3, 3], normal(1, 9))]]);
    const whole = kind === 'npz' ? npz(small) : kind === 'npy' ? npy(small.get('act.weight')!) : safetensors(small);
    const next = random(kind);
    for (let i = 0; i < 300; i++) {
      const bytes = Uint8Array.from(whole).subarray(0, next() < 0.5 ? Math.floor(next() * whole.length) : whole.length);
      for (let flips = Math.floor(next() * 4); flips >= 0 && bytes.length > 0; flips--)
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      try {
        for (const tensor of (await readTensorFile(file('fuzz', bytes))).values()) tensor.elements();
      } catch (error) {
        expect(error, String(error)).toBeInstanceOf(FunnelError);
      }
    }
  });
});

function npyOf(text: string, data: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${text.padEnd(117)}\n`);
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, head.length & 255, head.length >> 8, ...head, ...data]);
}
