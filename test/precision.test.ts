import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { retyped } from '../src/ir/retype.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import type { DType } from '../src/tensor/dtype.ts';
import { normal, random } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare } from './support/equivalence.ts';
import { roundTo } from './support/rounding.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const run = async (model: Model, names: readonly string[], options: PassOptions = {}) =>
  rewrite(
    model,
    names.map(name => passes[name]!(options)),
    { check: true },
  );
const made = async (model: Model, names: readonly string[], options: PassOptions = {}) => (await run(model, names, options)).model;

const wide = ['float', 'double'] as const;
const half = ['float16', 'bfloat16'] as const;

const text = readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8');
const resnet = (dtype: DType) =>
  parse(text.replace('["" : 17]', '["" : 22]').replace('ir_version: 8', 'ir_version: 10').replaceAll('float[', `${dtype}[`));

/** ONNX Runtime has no Conv for double and bfloat16 on the CPU: such models are compared as they would be in float, rounded weights and all. */
const runnable = (model: Model) => retyped(model, dtype => (dtype === 'double' || dtype === 'bfloat16' ? 'float' : dtype));
const differences = async (a: Model, b: Model, dtype: DType) =>
  (await compare(runnable(a), runnable(b), dtype === 'bfloat16' ? { precision: dtype } : {})).reasons;
const typesIn = (model: Model) => new Set([...model.graph.constants].map(v => v.dtype).filter(d => d !== 'int64'));

describe.each([...half, 'double'] as const)('a network of %s', dtype => {
  const before = resnet(dtype);

  test.each(['folded', 'trainable', 'fused'] as const)('converts, form %s, and computes what it did', async form => {
    const { model, report } = await run(before, pipelines.convert!, { form });
    expect(report[0]).toMatchObject({ fired: { length: 13 }, refused: [] });
    const note = dtype === 'float16' ? undefined : `ONNX Runtime's CPU provider has no Conv for ${dtype}`;
    expect(new Set(report[0]!.fired.map(place => place.note))).toEqual(new Set([note]));
    expect(await differences(before, model, dtype)).toEqual([]);
    const reverted = await made(await made(model, pipelines.fold!), pipelines.revert!);
    expect([...reverted.graph.nodes()].filter(n => n.op.name === 'Relu')).toHaveLength(13);
  });

  test('with weights that matter is deployed, fused and lowered for every target', async () => {
    const trained = await made(before, pipelines.convert!, { form: 'trainable', init: 'gaussian' });
    const deployed = await made(trained, pipelines.fold!);
    expect([...deployed.graph.nodes()].some(n => n.op.name === 'BatchNormalization')).toBe(false);
    const fused = await made(deployed, pipelines.fuse!);
    expect([...fused.graph.nodes()].filter(n => n.op.name === 'FReLU')).toHaveLength(13);
    for (const target of ['max', 'ort-cpu', 'ort-webgpu', 'ort-web', 'int8'] as const) {
      const lowered = await made(fused, pipelines.lower!, { target });
      expect([...typesIn(lowered)]).toEqual([dtype]);
      expect(await differences(trained, lowered, dtype), target).toEqual([]);
    }
  });
});

/** Conv → BatchNormalization → Max over `channels` channels, its parameters of several scales. */
function funnel(dtype: DType, channels: number, seed: string): { model: Model; of: (name: string) => ArrayLike<number> } {
  const model = parse(`<ir_version: 10, opset_import: ["" : 22]>
    g (${dtype}[1,${channels},8,8] x) => (${dtype}[1,${channels},8,8] y)
    <${dtype}[${channels},1,3,3] w = ["location": "rand:normal", "seed": "${seed}w", "std": "0.5"],
     ${['b', 's', 'beta', 'm'].map(name => `${dtype}[${channels}] ${name} = ["location": "rand:normal", "seed": "${seed}${name}"]`)},
     ${dtype}[${channels}] v = ["location": "rand:uniform", "seed": "${seed}v", "low": "0.01", "high": "9"]>
    { t = Conv <group = ${channels}, pads = [1, 1, 1, 1]> (x, w, b) n = BatchNormalization (t, s, beta, m, v) y = Max (x, n) }`);
  const tensors = new Map([...model.graph.constants].map(v => [v.name, v.constant!.numbers()]));
  return { model, of: name => tensors.get(name)! };
}

const constants = (model: Model) => [...model.graph.constants].map(v => Array.from(v.constant!.numbers()));

describe.each([...half, ...wide])('weights of %s', dtype => {
  test('are rounded once: folded, lowered, fused', async () => {
    for (const seed of ['1', '2', '3']) {
      const channels = 32;
      const { model, of } = funnel(dtype, channels, seed);
      const k = (c: number) => of('s')[c]! / Math.sqrt(of('v')[c]! + Math.fround(1e-5));
      const weights = (less: number) => Array.from(of('w'), (w, i) => roundTo(dtype, w * k(Math.floor(i / 9)) - (i % 9 === 4 ? less : 0)));
      const bias = Array.from(of('b'), (b, c) => roundTo(dtype, b * k(c) + (of('beta')[c]! - of('m')[c]! * k(c))));
      expect(constants(await made(model, pipelines.fold!))).toEqual([weights(0), bias]);
      expect(constants(await made(model, ['fuse-frelu']))).toEqual([weights(0), bias]);
      expect(constants(await made(model, ['lower-frelu'], { lowering: 'max' }))).toEqual([weights(0), bias]);
      expect(constants(await made(model, ['lower-frelu'], { lowering: 'residual' }))).toEqual([weights(1), bias]);
    }
  });

  test('that were rounded already stay as they are', async () => {
    const { model } = funnel(dtype, 8, 'again');
    const once = await made(model, pipelines.fold!);
    const there = await made(once, ['fuse-frelu']);
    expect(constants(there)).toEqual(constants(once));
    expect(constants(await made(there, ['lower-frelu']))).toEqual(constants(once));
  });
});

test.each([...half, ...wide])('a slope of %s is the same bits after training form and folding', async dtype => {
  const model = parse(`<ir_version: 10, opset_import: ["" : 22]> g (${dtype}[1,64,4,4] x) => (${dtype}[1,64,4,4] y)
    <${dtype}[64,1,1] s = ["location": "rand:uniform", "seed": "s", "low": "-1", "high": "1"]> { y = PRelu (x, s) }`);
  const slopes = constants(model)[0]!;
  const trainable = await made(model, pipelines.convert!, { form: 'trainable' });
  for (const names of [['fuse-frelu'], ['lower-frelu']]) {
    const [weight] = constants(await made(trainable, names));
    expect(weight!.filter((_, i) => i % 9 === 4)).toEqual(slopes);
    expect(constants(await made(trainable, [...names, 'frelu-to-relu']))[0]).toEqual(slopes);
  }
});

test.each([
  // 3/2 · 683/1024 = 1 + 2⁻¹¹ lies halfway between two numbers, and 2⁻²⁴ tells which is nearer; float would lose that.
  ['float16', 1.5, 683 / 1024, 2 ** -24, 1 + 2 ** -10],
  ['bfloat16', 7, 37 / 256, -(2 ** -30), 1 + 2 ** -7],
] as const)('%s never goes through float', async (dtype, b, s, beta, expected) => {
  const model = parse(`<ir_version: 10, opset_import: ["" : 22]>
    g (${dtype}[1,1,8,8] x) => (${dtype}[1,1,8,8] y)
    <${dtype}[1,1,1,1] w = {1.0}, ${dtype}[1] b = {${b.toFixed(1)}}, ${dtype}[1] s = {${s}}, ${dtype}[1] beta = {${beta}}, ${dtype}[1] m = {0.0}, ${dtype}[1] v = {1.0}>
    { t = Conv (x, w, b) n = BatchNormalization <epsilon = 0.0> (t, s, beta, m, v) y = Max (x, n) }`);
  for (const names of [pipelines.fold!, ['fuse-frelu'], ['lower-frelu']])
    expect(constants(await made(model, names))[1]).toEqual([expected]);
});

test('an independent rounding agrees, element type by element type', () => {
  const next = random('rounding');
  for (const dtype of [...half, ...wide]) {
    const scales = normal(dtype, 4000).map(x => x * 2 ** Math.floor(next() * 60 - 40));
    expect(Array.from(Tensor.of(dtype, [4000], scales).numbers())).toEqual(Array.from(scales, x => roundTo(dtype, x)));
  }
});

describe('beyond the range of float16', () => {
  const site = (n: number, scale: number, variance: number) => ({
    weights: `float16[2,1,1,1] w${n} = {1.0, 2.0}, float16[2] s${n} = {${scale.toExponential()}, 1.0}, float16[2] b${n} = {0.0, 0.0}, float16[2] m${n} = {0.0, 0.0}, float16[2] v${n} = {${variance.toExponential()}, 1.0}`,
    nodes: (x: string, y: string) =>
      `t${n} = Conv <group = 2> (${x}, w${n}) n${n} = BatchNormalization <epsilon = 0.0> (t${n}, s${n}, b${n}, m${n}, v${n}) ${y} = Max (n${n}, ${x})`,
  });
  const sites = [site(1, 60000, 0.0001), site(2, 0.5, 4), site(3, 6e-7, 60000)];
  const model = parse(`<ir_version: 8, opset_import: ["" : 17]> g (float16[1,2,4,4] x) => (float16[1,2,4,4] y)
    <${sites.map(s => s.weights).join(', ')}> { ${sites[0]!.nodes('x', 'a')} ${sites[1]!.nodes('a', 'b')} ${sites[2]!.nodes('b', 'y')} }`);

  test.each(['fold-batch-norm', 'fuse-frelu', 'lower-frelu'])('%s refuses the site and goes on with the rest', async name => {
    const { report } = await run(model, [name], { lowering: 'residual' });
    const refused = new Set(report[0]!.refused.map(r => r.code));
    expect(report[0]!.fired).toHaveLength(name === 'lower-frelu' ? 2 : 1);
    // Of a weight that vanishes beside the 1 that is taken off it, nothing is missed.
    expect(refused).toEqual(new Set(name === 'lower-frelu' ? ['E_OVERFLOW'] : ['E_OVERFLOW', 'E_UNDERFLOW']));
  });
});

describe.each(half)('residual forms of %s', dtype => {
  test.each(['residual', 'identity-conv'] as const)('%s: what it costs is told, and is not exceeded', async lowering => {
    const { model } = funnel(dtype, 32, 'cost');
    const deployed = await made(model, pipelines.fold!);
    const { model: lowered, report } = await run(deployed, ['lower-frelu'], { lowering });
    const [, bound] = /\|difference\| ≤ (\S+)·\(max \|x\| \+ 1\)/.exec(report[0]!.fired[0]!.note!) ?? [];
    // Half a unit in the last place of w − 1, which is below 4 here.
    expect(Number(bound)).toBeGreaterThan(0);
    expect(Number(bound)).toBeLessThanOrEqual(2 ** (dtype === 'float16' ? -10 : -7));
    expect(await differences(model, lowered, dtype)).toEqual([]);
  });

  test('are not chosen for any target', async () => {
    const deployed = await made(funnel(dtype, 32, 'cost').model, pipelines.fold!);
    for (const target of ['ort-cpu', 'ort-web', 'int8'] as const) expect(await made(deployed, ['lower-frelu'], { target })).toBe(deployed);
  });
});

test('a funnel of a type that only its weights tell keeps it', async () => {
  // Nothing is known of what a foreign operator makes.
  const model = parse(`<ir_version: 10, opset_import: ["" : 22, "else": 1]> g (float16[1,1,8,8] image) => (float16[1,1,8,8] y)
    <float16[1,1,3,3] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}>
    { x = else.Thing (image) t = Conv <group = 1, pads = [1, 1, 1, 1]> (x, w) d = Sub (x, t) r = Relu (d) z = Add (r, t) y = else.Thing (z) }`);
  for (const lowering of ['max', 'trainable', 'fused'] as const) {
    const { model: lowered, report } = await run(model, ['lower-frelu'], { lowering });
    expect(report[0]!.fired).toHaveLength(1);
    expect([...typesIn(lowered)]).toEqual(['float16']);
  }
});
