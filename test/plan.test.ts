import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { passes, type ReluToFreluOptions } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { costsOf } from '../src/inspect/costs.ts';
import type { Placement } from '../src/inspect/place.ts';
import { carryOut, type Plan, type PlanOptions, parsePlan, planConversion } from '../src/inspect/plan.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

/** A stem, three stages of two residual blocks (16×32², 32×16², 64×8²). */
const resnet = parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));
const plan = (placement: Placement, options: PlanOptions = {}, model: Model = resnet) => planConversion(model, placement, options);
const chosen = ({ sites }: Plan) => sites.filter(site => site.convert).map(site => site.site);
const why = ({ sites }: Plan) => [...new Set(sites.filter(site => !site.convert).map(site => site.why))].sort();
const convert = async (model: Model, options: ReluToFreluOptions) => rewrite(model, [passes['relu-to-frelu']!(options)], { check: true });

describe('placement', () => {
  test('all of them, with their place in the network', async () => {
    const { sites } = await plan({});
    expect(sites).toHaveLength(13);
    expect(sites.every(site => site.convert)).toBe(true);
    expect(sites.map(({ stage }) => stage)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
    expect(sites.map(({ after }) => after).slice(0, 5)).toEqual(['3x3', '3x3', 'Add', '3x3', 'Add']);
    expect(sites[5]).toMatchObject({ op: 'Relu', channels: 32, size: [16, 16] });
  });

  test.each<[string, Placement, number, readonly string[]]>([
    ['paper', { preset: 'paper' }, 8, ['the first activation', 'the last stage, 2']],
    ['partial', { preset: 'partial' }, 4, ['after Add', 'the first activation', 'the last stage, 2']],
    ['stages', { stages: [[1, 2]] }, 8, ['stage 0']],
    ['channels', { channels: [[33, Number.POSITIVE_INFINITY]] }, 4, ['16 channels', '32 channels']],
    ['sizes', { sizes: [[16, 16]] }, 4, ['size 32×32', 'size 8×8']],
    ['after', { after: ['Add'] }, 6, ['after 3x3']],
    ['skip-first', { skipFirst: true }, 12, ['the first activation']],
    ['skip-last-stage', { skipLastStage: true }, 9, ['the last stage, 2']],
    ['two conditions', { stages: [[1, 1]], after: ['3x3'] }, 2, ['after Add', 'stage 0', 'stage 2']],
  ])('%s', async (_, placement, count, reasons) => {
    const made = await plan(placement);
    expect(chosen(made)).toHaveLength(count);
    expect(why(made)).toEqual(reasons);
  });

  test('by name: globs over nodes and results', async () => {
    const names = (await plan({})).sites.map(site => site.site);
    expect(chosen(await plan({ only: [names[3]!, names[4]!] }))).toEqual([names[3], names[4]]);
    expect(chosen(await plan({ skip: [`${names[0]!.slice(0, 3)}*`] })).length).toBeLessThan(13);
    const slashes = parse(`<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,8,8] y) {
      ["/a/b/Relu"] "/a/b/Relu_output_0" = Relu (x)
      ["/c/Relu"] y = Relu ("/a/b/Relu_output_0")
    }`);
    expect(chosen(await plan({ only: ['/a/*'] }, {}, slashes))).toEqual(['/a/b/Relu_output_0']);
    await expect(plan({ after: ['99x99'] })).rejects.toThrow(/no activation has 99x99 before it/);
    await expect(plan({ stages: [[7, 9]] })).rejects.toThrow(/no activation has such a stage/);
    await expect(planConversion(resnet, {}, {}, { inputs: { nope: [1] } })).rejects.toThrow(/unknown input 'nope'/);
    await expect(plan({ only: ['stem*', 'nothing'] })).rejects.toThrow(/no activation's name matches '(stem\*|nothing)'/);
  });

  test('the light preset is everywhere, with light funnels', async () => {
    const made = await plan({ preset: 'light' }, { form: 'trainable' });
    expect(made.options).toEqual({ form: 'trainable', condition: 'light-sum' });
    expect(chosen(made)).toHaveLength(13);
    expect((await plan({ preset: 'light' }, { condition: 'light-max' })).options.condition).toBe('light-max');
  });

  test('of one pixel there is no neighbourhood, and no last stage of one resolution', async () => {
    const gated = parse(`<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,1,1] y) {
      a = Relu (x)
      b = Relu (a)
      p = GlobalAveragePool (b)
      y = Relu (p)
    }`);
    expect(why(await plan({ preset: 'paper' }, {}, gated))).toEqual(['one pixel: no neighbourhood', 'the first activation']);
    expect(chosen(await plan({}, {}, gated))).toHaveLength(3);
  });

  test('sizes that the graph itself computes are known', async () => {
    const shuffled = parse(
      `<ir_version: 8, opset_import: ["" : 17]> g (float[N,4,8,8] x) => (float[N,4,8,8] y)
      <int64[1] zero = {0}, int64[1] one = {1}, int64[3] rest = {2, 8, 8}, int64[1] four = {4}> {
        s = Shape (x)
        n = Gather (s, zero)
        c = Gather (s, one)
        h = Div (c, two)
        rows = Concat <axis: int = 0> (n, two, h, eights)
        r = Reshape (x, rows)
        p = Transpose <perm: ints = [0, 2, 1, 3, 4]> (r)
        t = Shape (p)
        m = Gather (t, zero)
        image = Concat <axis: int = 0> (m, four, eights)
        z = Reshape (p, image)
        y = Relu (z)
      }`.replace('int64[3] rest = {2, 8, 8}', 'int64[1] two = {2}, int64[2] eights = {8, 8}'),
    );
    expect((await plan({ preset: 'all' }, {}, shuffled)).sites).toMatchObject([{ channels: 4, size: [8, 8], stage: 0 }]);
  });

  test('an empty image is refused, not counted', async () => {
    const empty = parse('<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,0,8] x) => (y) { y = Relu (x) }');
    expect((await plan({}, {}, empty)).sites).toMatchObject([{ refused: { code: 'E_SHAPE' }, convert: false }]);
  });

  test('what is not known is said, once it matters', async () => {
    const open = parse('<ir_version: 8, opset_import: ["" : 17]> g (float[N,4,H,W] x) => (y) { y = Relu (x) }');
    expect((await plan({}, {}, open)).added).toBeUndefined();
    await expect(plan({ stages: [[1, 2]] }, {}, open)).rejects.toThrow(/the stage of y is not known.*--shape/);
    await expect(plan({ maxMacs: { amount: 1e6 } }, {}, open)).rejects.toThrow(/the cost of y is not known/);
    const sized = await planConversion(open, { maxMacs: { amount: 1e6 } }, {}, { symbols: { H: 8, W: 8 } });
    expect(sized.added).toEqual({ parameters: 40, macs: 4 * 9 * 64, activationBytes: 4 * 4 * 64 });
  });
});

describe('budgets', () => {
  test.each(['maxMacs', 'maxParameters', 'maxActivationBytes'] as const)('%s is kept, and used', async option => {
    const measure = { maxMacs: 'macs', maxParameters: 'parameters', maxActivationBytes: 'activationBytes' } as const;
    const whole = (await plan({})).added![measure[option]];
    for (const amount of [0, whole / 3, whole]) {
      const made = await plan({ [option]: { amount } });
      expect(made.added![measure[option]]).toBeLessThanOrEqual(amount);
      if (amount === whole) expect(chosen(made)).toHaveLength(13);
      // Nothing that was left out would still fit.
      for (const { convert, cost } of made.sites)
        if (!convert) expect(made.added![measure[option]] + cost![measure[option]]).toBeGreaterThan(amount);
    }
    expect(chosen(await plan({ [option]: { amount: 0 } }))).toEqual([]);
  });

  test('a share is one of what the model costs; windows come before sums', async () => {
    const made = await plan({ maxMacs: { share: 0.005 } });
    expect(made.added!.macs / made.before!.macs).toBeLessThanOrEqual(0.005);
    const taken = made.sites.filter(site => site.convert).map(site => site.after);
    const count = (operator: string) => taken.filter(t => t === operator).length;
    expect(count('3x3')).toBeGreaterThan(count('Add'));
  });
});

describe('what a plan says a conversion costs, it costs', () => {
  const forms = ['folded', 'trainable', 'fused'] as const;
  const conditions = ['conv', 'light-sum', 'light-max', 'max-pool', 'average-pool'] as const;
  test.each(conditions.flatMap(condition => forms.map(form => [condition, form] as const)))('%s, %s', async (condition, form) => {
    for (const kernel of [3, 5]) {
      const made = await plan({ preset: 'paper' }, { condition, form, kernel, init: 'gaussian' });
      const { model } = await convert(resnet, carryOut(made, resnet));
      const [before, after] = [await costsOf(resnet, {}), await costsOf(model, {})];
      if (!before.known || !after.known) throw new Error('unknown');
      expect(made.added).toEqual({
        parameters: after.parameters - before.parameters,
        macs: after.macs - before.macs,
        activationBytes: after.activations.bytes - before.activations.bytes,
      });
    }
  });
});

describe('a plan as a file', () => {
  const through = (made: Plan) => parsePlan(JSON.stringify(made));

  test('carries out what it says, no more', async () => {
    const made = through(await plan({ preset: 'partial' }, { form: 'fused', seed: 3 }));
    const { model, report } = await convert(resnet, carryOut(made, resnet));
    expect(report[0]!.fired.map(place => place.result)).toEqual(chosen(made));
    expect((await compare(resnet, model)).reasons).toEqual([]);
  });

  test('edited: other sites, other windows', async () => {
    const made = await plan({ only: [(await plan({})).sites[1]!.site] });
    const edited = { ...made, sites: made.sites.map((site, i) => ({ ...site, convert: i < 2, ...(i === 0 && { kernel: 5 }) })) };
    const { model } = await convert(resnet, carryOut(through(edited), resnet));
    expect(print(model).match(/kernel_shape: ints = \[5, 5\]/g)).toHaveLength(1);
    expect([...model.graph.nodes()].filter(n => n.op.name === 'Max')).toHaveLength(2);
  });

  test('for another model is an error', async () => {
    const made = await plan({});
    const other = parse('<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (y) { y = Relu (x) }');
    expect(() => carryOut(made, other)).toThrow(/for another model: its activation \S+ \(Relu\) is not there/);
    const own = await plan({}, {}, other);
    const wider = parse('<ir_version: 8, opset_import: ["" : 17]> g (float[1,6,8,8] x) => (y) { y = Relu (x) }');
    expect(() => carryOut(own, wider)).toThrow(/y \(Relu\) is there with 6 channels, in the plan with 4/);
    const renamed = parse('<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (y) { y = Elu (x) }');
    expect(() => carryOut(own, renamed)).toThrow(/y \(Relu\) is a Elu there/);
  });

  test('that names a site twice, or one that is no activation, is an error', async () => {
    const made = await plan({});
    const twice = { ...made, sites: [...made.sites, made.sites[0]!] };
    expect(() => carryOut(twice, resnet)).toThrow(/the plan names stem_relu twice/);
    const conv = { ...made, sites: [{ ...made.sites[0]!, op: 'Conv' }] };
    expect(() => carryOut(conv, resnet)).toThrow(/stem_relu is a Conv in the plan, which is no activation/);
  });

  test.each([
    ['', /not JSON/],
    ['[]', /not a plan: the document/],
    ['{"schema": "onnx-funnel/plan@2"}', /not a plan: schema/],
    ['{"schema": "onnx-funnel/plan@1", "options": {"kernle": 3}, "sites": []}', /not a plan: options: .*kernle/],
    ['{"schema": "onnx-funnel/plan@1", "options": {}, "sites": [{"site": 3}]}', /not a plan: sites\.0\.site/],
  ])('%s is none', (text, message) => {
    expect(() => parsePlan(text)).toThrow(message);
  });

  test('with a window that has no centre is an error', async () => {
    const made = await plan({});
    const edited = { ...made, options: { kernel: 4 } };
    expect(() => carryOut(through(edited), resnet)).toThrow(/stem_relu: the kernel must be an odd size/);
  });
});

test('a function’s body keeps its activations where sites are chosen by name', async () => {
  const model = parse(`<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[1,4,8,8] x) => (float[1,4,8,8] z) {
      y = Relu (x)
      z = local.Act (y)
    }
    <domain: "local", opset_import: ["" : 17]>
    Act (a) => (y) { w = Constant <value: tensor = float[4,4,1,1] {1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1}> () c = Conv (a, w) y = Relu (c) }`);
  const made = await plan({}, {}, model);
  expect(chosen(made)).toEqual(['y']);
  expect((await convert(model, carryOut(made, model))).report[0]!.fired).toHaveLength(1);
});
