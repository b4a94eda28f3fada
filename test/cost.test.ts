import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Network, networks } from '../fixtures/networks/networks.ts';
import { passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { type CostReport, costReport } from '../src/inspect/cost.ts';
import type { Preset } from '../src/inspect/place.ts';
import { planConversion } from '../src/inspect/plan.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';

afterAll(() => closeFactRuntime());

const resnet = parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));

describe('counts of known networks, beside those of the paper', () => {
  /** Funnels, and what they add: weights, γ and β (what training learns; the statistics are C·2 more), and multiply-accumulates. */
  const counted: readonly {
    readonly network: Network;
    readonly preset: Preset;
    readonly funnels: number;
    readonly parameters: number;
    readonly macs: number;
    readonly stride?: '1×1';
  }[] = [
    // ResNet: C·(9 + 2); the official code learns C biases more, which its BatchNormalization makes idle: 161,280 and 26,880.
    { network: 'resnet-50', stride: '1×1', preset: 'paper', funnels: 39, parameters: 147_840, macs: 70_447_104 },
    { network: 'resnet-50', preset: 'paper', funnels: 39, parameters: 147_840, macs: 74_511_360 },
    { network: 'resnet-50', preset: 'partial', funnels: 13, parameters: 24_640, macs: 11_741_184 },
    { network: 'resnet-101', stride: '1×1', preset: 'paper', funnels: 90, parameters: 435_072, macs: 116_508_672 },
    { network: 'resnet-101', preset: 'partial', funnels: 30, parameters: 72_512, macs: 19_418_112 },
    // Light: C·(3 + 3 + 4).
    { network: 'mobilenet-0.75', preset: 'light', funnels: 27, parameters: 82_080, macs: 22_692_096 },
    { network: 'shufflenet-v2-0.5', preset: 'light', funnels: 37, parameters: 29_440, macs: 4_929_792 },
    { network: 'shufflenet-v2-1.5', preset: 'light', funnels: 37, parameters: 80_000, macs: 12_456_192 },
  ];
  test.each(counted)('$network $stride, $preset', async ({ network, preset, funnels, parameters, macs, stride }) => {
    const text = networks[network](stride ? { stride } : {});
    const { sites, added } = await planConversion(parse(text), { preset }, { form: 'trainable' });
    const chosen = sites.filter(site => site.convert);
    const norms = preset === 'light' ? 2 : 1;
    const statistics = chosen.reduce((sum, { channels }) => sum + 2 * norms * channels!, 0);
    expect([chosen.length, added!.parameters - statistics, added!.macs]).toEqual([funnels, parameters, macs]);
  });
});

describe('what each form costs', () => {
  const row = ({ forms }: CostReport, form: string) => {
    const found = forms.find(f => f.form === form);
    if (!found?.costs.known) throw new Error(`no costs of ${form}`);
    return found.costs;
  };

  test('a converted network: one kernel more a site, two in the form to train on', async () => {
    const report = await costReport(resnet, {}, {});
    expect(report.converted).toBe(13);
    expect(report.forms.map(f => f.form)).toEqual(['as it is', 'trainable', 'folded', 'fused', 'max', 'residual', 'identity-conv']);
    const before = row(report, 'as it is');
    for (const [form, kernels] of [
      ['trainable', 3],
      ['folded', 2],
      ['fused', 2],
      ['max', 2],
      ['residual', 2],
      ['identity-conv', 2],
    ] as const) {
      // The stem and the convolutions within blocks are followed by a BatchNormalization here: each Relu is a kernel of its own.
      expect(row(report, form).kernels - before.kernels).toBe(13 * (kernels - 1));
      expect(report.sites.every(site => site.loads[form]!.kernels === kernels)).toBe(true);
    }
    const [site] = report.sites;
    expect(site).toMatchObject({ channels: 16, size: [32, 32] });
    const image = 4 * 16 * 32 * 32;
    const weights = 4 * 16 * 10;
    expect(site!.loads.max).toEqual({ parameters: 160, macs: 16 * 9 * 1024, bytesMoved: 5 * image + weights, kernels: 2 });
    expect(site!.loads.residual).toEqual({ parameters: 160, macs: 16 * 9 * 1024, bytesMoved: 5 * image + weights, kernels: 2 });
    expect(site!.loads['identity-conv']).toMatchObject({ parameters: 176, macs: 16 * 10 * 1024 });
  });

  test('sites add up to the difference of the sums', async () => {
    const report = await costReport(resnet, { preset: 'paper' }, { kernel: 5 });
    const before = row(report, 'as it is');
    for (const form of ['trainable', 'max', 'residual', 'identity-conv'] as const) {
      const total = (measure: 'parameters' | 'macs') => report.sites.reduce((sum, site) => sum + site.loads[form]![measure], 0);
      expect(row(report, form).macs - before.macs).toBe(total('macs'));
      expect(row(report, form).parameters - before.parameters).toBe(total('parameters'));
    }
  });

  test('a light funnel deployed is one window; pools have the forms that they are made in', async () => {
    const light = await costReport(resnet, {}, { condition: 'light-sum' });
    expect(light.sites[0]!.loads.folded).toMatchObject({ kernels: 3, macs: 16 * 6 * 1024 });
    expect(light.sites[0]!.loads.max).toMatchObject({ kernels: 2, macs: 16 * 9 * 1024 });
    const pool = await costReport(resnet, {}, { condition: 'max-pool' });
    expect(pool.forms.map(f => f.form)).toEqual(['as it is', 'trainable', 'folded', 'fused']);
    expect(pool.sites).toEqual([]);
  });

  test('a model with funnels of its own is counted with these', async () => {
    const options = { form: 'trainable', init: 'gaussian' } as const;
    const { model } = await rewrite(
      resnet,
      pipelines.convert!.map(name => passes[name]!(options)),
    );
    const report = await costReport(model, {}, {});
    expect(report.converted).toBe(0);
    expect(report.forms.map(f => [f.form, f.funnels])).toEqual(
      ['as it is', 'fused', 'max', 'trainable', 'residual', 'identity-conv'].map(form => [form, 13]),
    );
    expect(row(report, 'as it is').kernels - row(report, 'max').kernels).toBe(13);
  });

  test('activations are computed within the convolution before them, and so are sums', async () => {
    const model = parse(
      `<ir_version: 8, opset_import: ["" : 17]>
      g (float[1,4,8,8] x) => (float[1,4,8,8] y) <float[4,4,1,1] w = ["location": "rand:normal"]> {
        a = Conv (x, w)
        b = Relu (a)
        c = Conv (b, w)
        d = Add (c, x)
        e = Relu (d)
        f = Reshape (e, shape)
        y = Sigmoid (f)
      }`.replace('<float[4,4', '<int64[4] shape = {1, 4, 8, 8}, float[4,4'),
    );
    const { forms } = await costReport(model, { only: ['b'] }, {});
    const image = 4 * 256;
    const weights = 4 * 16;
    expect(forms[0]!.costs).toMatchObject({ kernels: 3, bytesMoved: 7 * image + 2 * weights, parameters: 20 });
  });
});
