import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { problemsOf } from '../src/ir/check.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { decode, encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const resnet = parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));
const run = async (model: Model, names: readonly string[], options: PassOptions = {}): Promise<Model> =>
  (
    await rewrite(
      model,
      names.map(name => passes[name]!(options)),
      { check: true },
    )
  ).model;

describe('forms of FReLU', () => {
  test('inlining the fused form is the folded form', async () => {
    const folded = await run(resnet, pipelines.convert!);
    const fused = await run(folded, ['fuse-frelu']);
    expect(print(fused)).not.toBe(print(folded));
    expect(print(await run(fused, ['inline-functions'])).replace('ir_version: 8', '')).toBe(print(folded).replace('ir_version: 8', ''));
  });

  test('the fused form is what fusing the folded form gives', async () => {
    const fused = await run(resnet, pipelines.convert!, { form: 'fused' });
    expect(print(await run(await run(resnet, pipelines.convert!), ['fuse-frelu']))).toBe(print(fused));
  });

  test.each(['folded', 'trainable', 'fused'] as const)('%s computes what ReLU did, before and after folding', async form => {
    const converted = await run(resnet, pipelines.convert!, { form, seed: 3 });
    const deployed = await run(converted, pipelines.fold!);
    for (const model of [converted, deployed]) expect((await compare(resnet, model)).reasons).toEqual([]);
    expect([...deployed.graph.allNodes()].filter(n => n.op.name === 'BatchNormalization')).toEqual([]);
  });
});

describe('reproducible', () => {
  test('a seed decides the weights, to the byte', async () => {
    const bytes = async (seed: number) => encode(await run(resnet, pipelines.convert!, { form: 'trainable', seed }));
    expect(await bytes(1)).toEqual(await bytes(1));
    expect(await bytes(1)).not.toEqual(await bytes(2));
  });

  test('a second run of a pipeline changes nothing, byte for byte', async () => {
    const once = encode(await run(resnet, pipelines.fold!));
    expect(encode(await run(decode(once), pipelines.fold!))).toEqual(once);
  });

  test('what only dead nodes use does not stand in the way of a fold', async () => {
    const dead = parse(`<ir_version: 8, opset_import: ["" : 17]>
      g (float[1,1,4,4] x) => (float[1,1,4,4] y)
      <float[1,1,1,1] w = {2}, float[1] s = {2}, float[1] b = {1}, float[1] m = {6}, float[1] v = {4}>
      { t = Conv (x, w) dead = Relu (t) y = BatchNormalization (t, s, b, m, v) }`);
    const once = await run(dead, pipelines.fold!);
    expect([...once.graph.nodes()].map(n => n.op.name)).toEqual(['Conv']);
    expect(encode(await run(once, pipelines.fold!))).toEqual(encode(once));
  });

  const twice = async (text: string, names: readonly string[], options: PassOptions = {}): Promise<[Uint8Array, Uint8Array]> => {
    const to = async (model: Model) =>
      encode(
        (
          await rewrite(
            model,
            names.map(name => passes[name]!(options)),
            { check: true, fixpoint: true },
          )
        ).model,
      );
    const once = await to(parse(text));
    return [once, await to(decode(once))];
  };

  test('a pass that needs the types of what it has made finds all there is', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,1] x) => (float[N,1] y)
      <float[1,1] w = {2}, float[1] b = {3}, float[1] k = {0.5}, float[1,1] v = {4}>
      { p = MatMul (x, w) s = Add (p, b) m = Mul (s, k) y = MatMul (m, v) }`;
    const [once, again] = await twice(text, ['fold-arithmetic']);
    expect(again).toEqual(once);
  });

  test('what a parameter was found to be does not change which constants fit into the budget', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
      g (float[1] like, float[1,1,1,2] x, float[3,1,1,1] w) => (float[1,1] y)
      <float zero = {0}, int64[1] three = {3}, float[6,1] v = {1, 2, 3, 4, 5, 6}, float[1] one = {1}>
      { c = CastLike (zero, like) b = Expand (c, three) t = Conv (x, w, b) f = Flatten (t) m = Gemm (f, v) y = BatchNormalization (m, one, one, one, one) }`;
    const [once, again] = await twice(text, ['fold-constants', 'fold-batch-norm'], { maxGrowth: 0 });
    expect(again).toEqual(once);
  });

  test('the model given is never touched', async () => {
    const before = print(resnet);
    await run(resnet, [...pipelines.convert!, ...pipelines.fold!, 'fuse-frelu', 'inline-functions']);
    expect(print(resnet)).toBe(before);
  });
});

test('check names every broken invariant at once', () => {
  const model = parse(
    '<ir_version: 8, opset_import: ["" : 17]>\ng (float[2] x) => (float[2] y) {\n  a = Exp (x)\n  b = Neg (a)\n  y = Add (a, b)\n}',
  );
  const [exp, neg, add] = [...model.graph.nodes()];
  exp!.outputs[0]!.name = 'b';
  add!.setInput(2, neg!.outputs[0]);
  model.graph.insertBefore(exp, detach(model, neg!));
  expect(problemsOf(model)).toEqual([
    { where: 'graph node b', message: 'its input b is not defined before it' },
    { where: 'graph node b', message: 'the name b is defined twice' },
    { where: 'graph node y', message: 'Add takes at most 2 inputs, not 3' },
  ]);
});

function detach(model: Model, node: NonNullable<ReturnType<typeof model.graph.nodes> extends Generator<infer N> ? N : never>) {
  const inputs = [...node.inputs];
  model.graph.remove(node);
  for (const [i, value] of inputs.entries()) node.setInput(i, value);
  return node;
}
