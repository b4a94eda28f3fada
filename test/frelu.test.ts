import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import type { PassReport } from '../src/rewrite/pass.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const resnet = parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));

async function run(
  model: Model,
  names: readonly string[],
  options: PassOptions = {},
): Promise<{ model: Model; report: readonly PassReport[] }> {
  return rewrite(
    model,
    names.map(name => passes[name]!(options)),
    { check: true },
  );
}
const forms = ['fused', 'max', 'trainable', 'residual', 'identity-conv'] as const;
const body = (model: Model) => print(model).replace(/^<.*\n/, '');

/** Funnels of every kind, with weights that matter. */
const funnels: Readonly<Record<string, string>> = {
  '3×3': conv('float', [3, 3], [8, 9, 7]),
  '5×5': conv('float', [5, 5], [8, 9, 7]),
  '1×1': conv('float', [1, 1], [8, 9, 7]),
  '3×7': conv('float', [3, 7], [8, 9, 7]),
  'dilated 3×3': conv('float', [3, 3], [8, 9, 7], 2),
  'half precision': conv('float16', [3, 3], [8, 9, 7]),
  '1-D': conv('float', [5], [8, 9]),
  '3-D': conv('float', [3, 3, 3], [4, 5, 6, 7]),
  'odd channels': conv('float', [3, 3], [3, 9, 7]),
  'light, summed': light('Add (a, b)', 'Max (x, t)'),
  'light, compared': light('Max (a, b)', 'Max (x, t)'),
  'large light, summed': light('Add (a, b)', 'Max (x, t)', 7),
  'large light, compared': light('Max (a, b)', 'Max (x, t)', 5),
};

function conv(dtype: string, window: readonly number[], [channels, ...size]: readonly number[], dilation = 1): string {
  const half = window.map(k => (dilation * (k - 1)) / 2);
  const random = (shape: string, name: string) =>
    `${dtype}[${shape}] ${name} = ["location": "rand:normal", "seed": "${name}", "std": "0.5"]`;
  return `<ir_version: 9, opset_import: ["" : 17]>
    g (${dtype}[1,${channels},${size}] x) => (${dtype}[1,${channels},${size}] y)
    <${random(`${channels},1,${window}`, 'w')}, ${random(String(channels), 'b')}>
    {
      t = Conv <group = ${channels}, pads = [${[...half, ...half]}], dilations = [${window.map(() => dilation)}]> (x, w, b)
      y = Max (x, t)
    }`;
}

function light(join: string, combine: string, k = 3): string {
  const half = (k - 1) / 2;
  const random = (shape: string, name: string) => `float[${shape}] ${name} = ["location": "rand:normal", "seed": "${name}"]`;
  return `<ir_version: 9, opset_import: ["" : 17]>
    g (float[1,4,9,8] x) => (float[1,4,9,8] y)
    <${random(`4,1,1,${k}`, 'v')}, ${random(`4,1,${k},1`, 'w')}, ${random('4', 'c')}>
    {
      a = Conv <group = 4, pads = [0, ${half}, 0, ${half}]> (x, v, c)
      b = Conv <group = 4, pads = [${half}, 0, ${half}, 0]> (x, w)
      t = ${join}
      y = ${combine}
    }`;
}

describe.each(Object.entries(funnels))('%s', (_, text) => {
  const before = parse(text);

  test.each(forms)('as %s: computes the same, is recognised again, and then stays as it is', async lowering => {
    const { model: lowered } = await run(before, ['lower-frelu'], { lowering });
    expect((await compare(before, lowered)).reasons).toEqual([]);
    const { model: fused } = await run(lowered, ['fuse-frelu']);
    const names = [...fused.graph.nodes()].map(n => n.op.name);
    expect(names).toHaveLength(1);
    expect(names[0]).toMatch(/^FReLU/);
    expect((await compare(before, fused)).reasons).toEqual([]);
    const { model: again } = await run(fused, ['lower-frelu'], { lowering });
    const { model: fusedAgain } = await run(again, ['fuse-frelu']);
    // Names of weights follow where they were made; their values do not change any more.
    const numbers = (m: Model) => [...m.graph.constants].map(v => Array.from(v.constant!.numbers()));
    expect(numbers(fusedAgain)).toEqual(numbers(fused));
    expect((await run(lowered, ['lower-frelu'], { lowering })).model).toBe(lowered);
  });
});

describe('there and back', () => {
  test.each(['max', 'ort-cpu', 'ort-web', 'ort-webgpu', 'int8'] as const)(
    'a converted network lowered for %s is, once reverted, the network it was',
    async target => {
      const { model: converted } = await run(resnet, pipelines.convert!);
      const { model: lowered } = await run(converted, pipelines.lower!, { target });
      expect((await compare(resnet, lowered)).reasons).toEqual([]);
      const { model: reverted } = await run(lowered, pipelines.revert!);
      expect(body(reverted)).toBe(body((await run(resnet, ['drop-unused'])).model));
    },
  );

  test.each(['light-sum', 'light-max'] as const)('%s too, in every form', async condition => {
    for (const form of ['folded', 'trainable', 'fused'] as const) {
      const { model: converted } = await run(resnet, pipelines.convert!, { condition, form });
      expect((await compare(resnet, converted)).reasons).toEqual([]);
      const { model: reverted } = await run(converted, ['frelu-to-relu']);
      expect(body(reverted)).toBe(body(resnet));
    }
  });

  test('a light funnel is one cross, exactly', async () => {
    const { model: light } = await run(resnet, pipelines.convert!, { condition: 'light-sum', form: 'trainable', init: 'gaussian' });
    const { model: deployed } = await run(light, [...pipelines.fold!, ...pipelines.lower!]);
    expect((await compare(light, deployed)).reasons).toEqual([]);
    const depthwise = [...deployed.graph.nodes()].filter(n => n.op.name === 'Conv' && (n.attributes.get('group')?.value as bigint) > 1n);
    for (const { inputs } of depthwise) expect(inputs[1]!.shape!.slice(2)).toEqual([3, 3]);
    expect([...deployed.graph.nodes()].filter(n => n.op.name === 'Max')).toHaveLength(13);
  });
});

describe('refused', () => {
  test('weight 0 under γ = 1, the trap', async () => {
    const { model: converted } = await run(resnet, pipelines.convert!);
    const { model, report } = await run(converted, ['lower-frelu'], { lowering: 'trainable' });
    expect(model).toBe(converted);
    expect(new Set(report[0]!.refused.map(r => r.code))).toEqual(new Set(['E_TRAP']));
  });

  test.each<[PassOptions, RegExp]>([
    [{ combine: 'sum' }, /sum needs the start gaussian/],
    [{ condition: 'max-pool' }, /no weights that could start/],
    [{ condition: 'average-pool', dilation: 2, init: 'gaussian' }, /no dilation/],
    [{ kernel: 4 }, /odd size/],
    [{ dilation: 0 }, /dilation/],
    [{ dilation: 1.5 }, /dilation/],
    [{ sites: new Map([['y', { kernel: 2 }]]) }, /odd size/],
  ])('options without meaning: %o', (options, message) => {
    expect(() => passes['relu-to-frelu']!(options)).toThrow(message);
  });
});

test('provenance: a folded funnel says where it comes from, and takes no other bytes for it', async () => {
  const model = parse(print(resnet).replace('ir_version: 8', 'ir_version: 10'));
  const { model: converted } = await run(model, pipelines.convert!);
  const made = [...converted.graph.nodes()].filter(n => n.metadata.get('onnx_funnel.pass') === 'relu-to-frelu');
  expect(made).toHaveLength(26);
  expect(encode(converted).byteLength).toBeGreaterThan(encode(model).byteLength);
});
