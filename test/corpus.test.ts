import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { passes, pipelines } from '../passes/index.ts';
import { read } from '../src/api.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { decodeTensor } from '../src/serde/tensors.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { corpusModels } from './support/corpus.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

const runtime = new Runtime();
afterAll(async () => {
  await runtime.close();
  await Promise.all([closeFactRuntime(), closeRuntime()]);
});

/** The passes that keep what a model computes; freeze-initializers, which takes inputs away, only where it is the point. */
const exact = Object.keys(passes).filter(name => !['relu-to-frelu', 'freeze-initializers', 'force-eval'].includes(name));
const run = (model: Model, names: readonly string[], options = {}) =>
  rewrite(
    model,
    names.map(name => passes[name]!(options)),
    { check: true },
  );
const count = (model: Model, op: string) => [...model.graph.allNodes()].filter(n => n.op.name === op).length;

const small = corpusModels('onnx-backend');
const backend = Object.fromEntries(Object.entries(small).filter(([name]) => !name.startsWith('light')));

describe.skipIf(Object.keys(backend).length === 0)("ONNX's own backend models", () => {
  test.each(Object.entries(backend))('%s', async (_, path) => {
    const before = await read(path);
    const after: Model[] = [];
    for (const names of [...exact.map(name => [name]), pipelines.fold!, ['relu-to-frelu'], exact]) {
      const { model, report } = await run(before, names);
      for (const refused of report.flatMap(r => r.refused)) expect(refused.detail).not.toBe('');
      if (model !== before) after.push(model);
    }
    // ONNX Runtime has no BatchNormalization of operator set 6.
    const old = count(before, 'BatchNormalization') > 0 && before.opsets.get('')! < 7;
    if (!old) for (const model of after) await meetsStoredOutputs(path, model);
  });
});

/** The stored expected outputs, with the tolerance of ONNX's own backend test. */
async function meetsStoredOutputs(path: string, model: Model): Promise<void> {
  const data = join(dirname(path), 'test_data_set_0');
  const load = (prefix: string): Tensor[] =>
    readdirSync(data)
      .filter(file => file.startsWith(prefix))
      .sort((a, b) => Number(a.match(/\d+/)) - Number(b.match(/\d+/)))
      .map(file => decodeTensor(readFileSync(join(data, file))));
  const inputs = load('input');
  const feeds = Object.fromEntries(model.graph.inputs.slice(0, inputs.length).map((v, i) => [v.name, inputs[i]!]));
  const { outputs } = await runtime.run({ model: { bytes: encode(model) }, feeds: [feeds] });
  for (const [i, expected] of load('output').entries()) {
    const actual = outputs[0]![model.graph.outputs[i]!.name]!;
    expect(actual.dims).toEqual(expected.dims);
    const [a, e] = [actual.numbers(), expected.numbers()];
    for (let k = 0; k < e.length; k++) {
      if (!(Object.is(a[k], e[k]) || Math.abs(a[k]! - e[k]!) <= 1e-5 + 1e-3 * Math.abs(e[k]!)))
        expect.fail(`${path} output ${i}[${k}]: ${a[k]}, not ${e[k]}`);
    }
  }
}

const exported = corpusModels('exported');

describe.skipIf(Object.keys(exported).length === 0)('exported networks', () => {
  const batchNorms: Record<string, number> = {
    resnet18: 20,
    squeezenet1_1: 0,
    shufflenet_v2_x0_5: 56,
    mobilenetv2_050: 52,
    regnetx_002: 44,
    ghostnet_050: 80,
  };
  const activations: Record<string, number> = {
    resnet18: 17,
    squeezenet1_1: 26,
    shufflenet_v2_x0_5: 37,
    mobilenetv2_050: 35,
    regnetx_002: 40,
    ghostnet_050: 42,
  };

  test.each(Object.keys(batchNorms))('%s: converted bit for bit, then folded', async name => {
    const before = await read(exported[`${name}.onnx`]!);
    expect(count(before, 'BatchNormalization')).toBe(batchNorms[name]);
    const converted = await run(before, pipelines.convert!);
    expect(converted.report[0]!.fired).toHaveLength(activations[name]!);
    const same = await compare(before, converted.model);
    expect(same.reasons).toEqual([]);
    expect(same.configurations.find(c => c.optimization === 'disabled')?.identical).toBe(true);
    const folded = await run(converted.model, pipelines.fold!);
    expect(count(folded.model, 'BatchNormalization')).toBe(0);
    const verdict = await compare(converted.model, folded.model);
    expect(verdict.reasons).toEqual([]);
    expect(verdict.same).toBe(true);
  });

  test.each(['frelu_resnet', 'frelu_resnet.dynamo'])(
    '%s: 19 BatchNormalization fold, 9 FReLU are recognised, inlining gives them back',
    async name => {
      const before = await read(exported[`${name}.onnx`]!);
      const folded = await run(before, pipelines.fold!);
      expect(count(folded.model, 'BatchNormalization')).toBe(0);
      expect(folded.report.find(r => r.pass === 'fold-batch-norm')?.fired).toHaveLength(19);
      const fused = await run(folded.model, ['fuse-frelu']);
      expect(count(fused.model, 'FReLU')).toBe(9);
      const inlined = await run(fused.model, ['inline-functions']);
      expect(count(inlined.model, 'Max')).toBe(9);
      for (const model of [folded.model, fused.model, inlined.model]) expect((await compare(before, model)).reasons).toEqual([]);
    },
  );
});

const face = corpusModels('face');

describe.skipIf(Object.keys(face).length === 0)('a face detector whose weights are all overridable', () => {
  test('keeps its 35 BatchNormalization, unless asked', async () => {
    const before = await read(face['version-RFB-320.onnx']!);
    const kept = await run(before, pipelines.fold!);
    expect(kept.report.find(r => r.pass === 'fold-batch-norm')?.refused.map(r => r.code)).toEqual(new Array(35).fill('E_OVERRIDABLE'));
    const frozen = await run(before, ['freeze-initializers', ...pipelines.fold!]);
    expect(count(frozen.model, 'BatchNormalization')).toBe(0);
    expect((await compare(before, frozen.model)).reasons).toEqual([]);
    // The model simplified by another tool ends where boxes are not decoded yet, at the value called 460 here.
    const { model } = await run(frozen.model, []);
    const undecoded = [...model.graph.nodes()].flatMap(n => n.outputs).find(v => v.name === '460')!;
    model.graph.outputs[1]!.name = 'decoded';
    undecoded.name = 'boxes';
    model.graph.setOutput(1, undecoded);
    undecoded.type = { kind: 'tensor', dtype: 'float', shape: [1, 4420, 4] };
    expect((await compare(await read(face['version-RFB-320_simplified.onnx']!), model)).reasons).toEqual([]);
  });
});

const light = corpusModels('onnx-backend/light');

describe.skipIf(Object.keys(light).length === 0)('networks whose weights are made by ConstantOfShape', () => {
  test.each(Object.entries(light))('%s does not grow by the weights it does not have', async (_, path) => {
    const before = await read(path);
    const { model, report } = await run(before, pipelines.fold!);
    expect(encode(model).byteLength).toBeLessThanOrEqual(readFileSync(path).byteLength + 64 * 1024);
    const left = count(model, 'BatchNormalization');
    expect(report.find(r => r.pass === 'fold-batch-norm')!.refused.length).toBe(left);
  });
});

const frelu = corpusModels('frelu');

/** What each file of FReLU spelled out becomes: the function it is fused into, or the code of a refusal and a part of its detail. */
const spellings: Readonly<Record<string, readonly [string, string?]>> = {
  ...Object.fromEntries(
    ['clamp-min-t-', 'k5', 'light-sum', 'maximum', 'nobias', 'nobn', 'official', 'pad-same', 'relu-x-t-+t', 'stack.amax', 'stack.max']
      .concat('swap', 'where', 'wherege', 'zeropad2d')
      .flatMap(name => [`${name}.ts`, `${name}.dyn`])
      .concat('keras_Conv2D_groups', 'keras_L.Maximum', 'keras_ops.maximum_swapped')
      .concat('light-sum.dyn-noopt', 'light-sum.ts-nofold', 'official.dyn-noopt', 'official.ts-nofold')
      .map(name => [name, ['FReLU']]),
  ),
  'light-max.ts': ['FReLULightMax'],
  'light-max.dyn': ['FReLULightMax'],
  keras_relu: ['nothing'],
  'light-sum.ts-train': ['E_TRAINING', 'its statistics come from the batch'],
  'official.ts-train': ['E_TRAINING', 'its statistics come from the batch'],
  ...Object.fromEntries(
    (
      [
        ['acon-frelu', 'ACON-FReLU, a smooth maximum'],
        ['groupnorm', 'statistics of the image (GroupNorm or InstanceNorm)'],
        ['layernorm', 'statistics of the image (LayerNorm)'],
        ['mask', 'picks by mask arithmetic'],
        ['pad-reflect', "padded by 'reflect', not by zeros"],
        ['pad-replicate', 'padded by repetition of its border, not by zeros'],
      ] as const
    ).flatMap(([name, why]) => [`${name}.ts`, `${name}.dyn`].map(file => [file, ['E_FORM', why]] as const)),
  ),
};

describe.skipIf(Object.keys(frelu).length === 0)('FReLU as exporters write it', () => {
  test('every file has its line', () =>
    expect(
      Object.keys(frelu)
        .map(f => f.replace('.onnx', ''))
        .sort(),
    ).toEqual(Object.keys(spellings).sort()));

  test.each(Object.entries(spellings))('%s: %s', async (name, [expected, why = '']) => {
    const before = await read(frelu[`${name}.onnx`]!);
    const fused = await run(before, pipelines.fuse!);
    const { fired, refused } = fused.report.find(r => r.pass === 'fuse-frelu')!;
    if (!expected.startsWith('FReLU')) {
      expect(fired).toEqual([]);
      expect(refused.map(r => r.code)).toEqual(expected === 'nothing' ? [] : [expected]);
      for (const { detail } of refused) expect(detail).toContain(why);
      return;
    }
    expect(refused).toEqual([]);
    expect(count(fused.model, expected)).toBe(1);
    const inlined = await run(fused.model, ['inline-functions']);
    const lowered = await run(before, pipelines.lower!, { target: 'ort-cpu' });
    for (const { model } of [fused, inlined, lowered]) expect((await compare(before, model)).reasons).toEqual([]);
    expect(count((await run(lowered.model, ['fuse-frelu'])).model, expected)).toBe(1);
  });
});
