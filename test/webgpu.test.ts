import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare, hasWebgpu } from './support/equivalence.ts';

const root = join(import.meta.dirname, '..');
afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const text = (path: string) => readFileSync(join(root, 'fixtures', path), 'utf8');
const run = async (model: Model, names: readonly string[], options = {}) =>
  (
    await rewrite(
      model,
      names.map(name => passes[name]!(options)),
      { check: true },
    )
  ).model;

/** Pairs of text before and blessed text after. */
const golden = ['fold-batch-norm', 'relu-to-frelu', 'fuse-frelu', 'lower-frelu', 'frelu-to-relu'].flatMap(pass =>
  readdirSync(join(root, 'fixtures/passes', pass))
    .filter(file => file.endsWith('.after.onnxtxt') && !file.startsWith('half'))
    .filter(file => !/^# (no (runtime|webgpu): |options: .*gaussian)/m.test(text(`passes/${pass}/${file.replace('.after', '')}`)))
    .map(file => ({ name: `${pass}: ${file.replace('.after.onnxtxt', '')}`, after: `passes/${pass}/${file}` })),
);

describe.skipIf(!(await hasWebgpu()))('on the GPU runtime', () => {
  test.each(golden)('$name', async ({ after }) => {
    const options = { providers: ['webgpu'], kinds: ['normal', 'flips'] as const };
    const verdict = await compare(parse(text(after.replace('.after', ''))), parse(text(after)), options);
    expect(verdict.reasons).toEqual([]);
    expect(verdict.same).toBe(true);
    expect(verdict.configurations.map(c => c.provider)).toEqual(['webgpu']);
  });

  test('a ResNet, converted in each form and folded, computes the same', async () => {
    const before = parse(text('models/resnet-tiny.onnxtxt'));
    for (const form of ['folded', 'trainable', 'fused']) {
      const model = await run(await run(before, pipelines.convert!, { form }), pipelines.fold!);
      const verdict = await compare(before, model, { providers: ['webgpu'], kinds: ['normal'] });
      expect(verdict.reasons).toEqual([]);
      expect(verdict.same).toBe(true);
    }
  });

  test('a ResNet lowered for this provider runs there with every node', async () => {
    // As older exporters wrote residual sums: a Sum would travel to the CPU.
    const before = parse(text('models/resnet-tiny.onnxtxt').replaceAll('= Add (', '= Sum ('));
    const lowered = await run(await run(before, pipelines.convert!), [...pipelines.fold!, ...pipelines.lower!], { target: 'ort-webgpu' });
    const verdict = await compare(before, lowered, { providers: ['webgpu'], kinds: ['normal'] });
    expect(verdict.reasons).toEqual([]);
    const [{ placement } = { placement: undefined }] = verdict.configurations;
    expect(placement?.a?.fallbacks.map(f => f.operator)).toContain('Sum');
    expect(placement?.b?.fallbacks).toEqual([]);
  });
});
