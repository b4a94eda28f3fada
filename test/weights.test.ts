import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { passes, pipelines } from '../passes/index.ts';
import { read } from '../src/api.ts';
import { modulePath } from '../src/functions/modules.ts';
import { TrainedWeights } from '../src/functions/trained.ts';
import { groupWeights } from '../src/functions/trained-file.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { readWeights } from '../src/inspect/trained.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { encode } from '../src/serde/model-file.ts';
import { readTensorFile } from '../src/serde/tensor-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare } from './support/equivalence.ts';
import { npz, safetensors, tensors } from './support/tensor-files.ts';
import { convert, relus, torch } from './support/weights.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-weights-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  return Promise.all([closeFactRuntime(), closeRuntime()]);
});
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

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
    for (const [i, names] of [[], pipelines.fold!, pipelines.fuse!, pipelines.lower!].entries()) {
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
    await expect(convert(relus, weights)).rejects.toThrow(/another shape: the activation act has 4 channels, state has \[32,1,3,3\]/);
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
