import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { pipeline } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { decodeTensor } from '../src/serde/tensors.ts';
import { parse } from '../src/text/parse.ts';
import { brokenModels } from '../src/verify/self-check.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { verify } from '../src/verify/verify.ts';
import { check, quick, texts } from './support/layers.ts';
import { runtime } from './support/runtime.ts';

afterAll(() => Promise.all([runtime.close(), closeFactRuntime()]));

const blamed = (v: Verdict) => v.layers?.culprits.map(c => c.node.name);
const statuses = (v: Verdict) => Object.fromEntries(v.layers!.layers.map(l => [l.value, l.status]));

const folder = mkdtempSync(join(tmpdir(), 'funnel-layers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const tiny = () => parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));

describe('the nodes to blame', () => {
  test('are named where B does not run to its end', async () => {
    // The pool is taller by a row, and what follows can't take that.
    const pools = (more: string) =>
      `g (float[1, 1, 6, 6] x) => (float[1, 9] y) <int64[2] s = {1, 9}> { r = Relu (x) p = MaxPool <kernel_shape = [3, 3], strides = [2, 2]${more}> (r) n = Neg (p) f = Reshape (n, s) y = Relu (f) }`;
    const a = pools(', pads = [0, 0, 1, 1]');
    const wider = await texts(a, pools(', pads = [1, 1, 2, 2]'), { bisect: true });
    expect([wider.status, blamed(wider)]).toEqual(['different', ['p']]);
    // Here it is the node itself that does not run, whatever it is given.
    const reshaped = await texts(a, a.replace('{1, 9}', '{1, 8}'), { bisect: true, failures: join(folder, 'stopped') });
    expect([reshaped.status, blamed(reshaped)]).toEqual(['different', ['f']]);
    expect(reshaped.layers!.culprits[0]!.message).toMatch(/^it does not run: /);
    const part = (name: string) => ({ path: join(folder, 'stopped', name) });
    const data = [join(folder, 'stopped', 'test_data_set_0')];
    expect((await verify(part('a.onnx'), part('b.onnx'), { data, runtime })).status).toBe('different');
  });

  test('are the ones that changed where several lead to the first wrong value', async () => {
    const through = (type: number) =>
      `g (float[2, 3] x) => (float[2, 3] y) { d = Cast <to = ${type}> (x) f = Cast <to = 1> (d) y = Relu (f) }`;
    const v = await texts(through(11), through(7), { bisect: true });
    expect([v.layers!.culprits[0]!.value, blamed(v)]).toEqual(['f', ['d']]);
  });

  test('are named in each broken model, as exported and as deployed', async () => {
    const a = tiny();
    const { model: deployed } = await rewrite(a, pipeline('deploy', { target: 'ort-cpu' }), { fixpoint: true });
    let tried = 0;
    for (const before of [a, deployed]) {
      for (const { kind, node, model } of brokenModels(before)) {
        const verdict = await check(a, model, { bisect: true });
        expect([kind, verdict.status, blamed(verdict)]).toEqual([kind, 'different', [node]]);
        tried++;
      }
    }
    expect(tried).toBeGreaterThanOrEqual(8);
  });

  test('say which pass made them', async () => {
    const a = tiny();
    const { model: folded } = await rewrite(a, pipeline('fold'), { fixpoint: true });
    const broken = [...brokenModels(folded)].find(m => m.kind === 'weight-perturbed')!;
    const verdict = await check(a, broken.model, { bisect: true });
    expect(verdict.layers!.culprits[0]!.node).toMatchObject({ operator: 'Conv', pass: expect.stringContaining('fold-batch-norm') });
    expect(verdict.reasons.at(-1)).toMatchObject({ code: 'layer-values', where: expect.stringContaining('made by') });
  });

  test('are found when they are two', async () => {
    const a = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) t = Relu (s) u = Cos (t) v = Tanh (u) y = Neg (v) }';
    const b = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) t = Identity (s) u = Cos (t) v = Sigmoid (u) y = Neg (v) }';
    expect(blamed(await texts(a, b, { bisect: true }))).toEqual(['t', 'v']);
  });

  test('are found where the names of B are its own', async () => {
    const a = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) t = Relu (s) u = Cos (t) y = Neg (u) }';
    const b = 'g (float[2, 4] x) => (float[2, 4] y) { n0 = Sin (x) n1 = LeakyRelu (n0) n2 = Cos (n1) y = Neg (n2) }';
    const [culprit] = (await texts(a, b, { bisect: true })).layers!.culprits;
    expect(culprit!.nodes.b.map(n => n.operator)).toContain('LeakyRelu');
  });

  test('are looked for in loops and branches as one node, with what these capture', async () => {
    const model = (op: string) => `g (float[2, 4] x, bool c) => (float[2, 4] y) { s = Sin (x) u = Neg (s)
      i = If (c) <then_branch = t () => (float[2, 4] p) { p = ${op} (s) }, else_branch = e () => (float[2, 4] q) { q = Add (s, u) }>
      y = Cos (i) }`;
    const v = await texts(model('Relu'), model('Abs'), { bisect: true, kinds: ['normal', 'uniform', 'flips', 'large'] });
    expect(blamed(v)).toEqual(['i']);
  });

  test('are found past values that can not be compared', async () => {
    const model = (op: string) =>
      `g (float[6, 4] x) => (float[3, 4] y) <int64 n = {1}> {
      s = Relu (x) q = SplitToSequence <axis = 0> (s, three) t = SequenceAt (q, n) y = ${op} (t) }`.replace('<', '<int64 three = {3}, ');
    expect(blamed(await texts(model('Neg'), model('Exp'), { bisect: true }))).toEqual(['y']);
  });
});

describe('what is no fault', () => {
  test('a name that B uses for something else, where structure shows which value is which', async () => {
    const a = 'g (float[2, 4] x) => (float[2, 4] y) <float k = {3.0}> { t = Sin (x) u = Add (t, k) v = Neg (u) y = Cos (v) }';
    // t has the sum already; u is t; nothing is wrong.
    const b =
      'g (float[2, 4] x) => (float[2, 4] y) <float k = {3.0}> { s = Sin (x) t = Add (s, k) u = Identity (t) v = Neg (u) y = Cos (v) }';
    const v = await texts(a, b, { layers: true });
    expect(v.status).toBe('same');
    expect(statuses(v)).toEqual({ s: 'same', t: 'same', v: 'same', y: 'same' });
  });

  test('a factor that moves past an activation', async () => {
    const a =
      'g (float[2, 4] x) => (float[2, 4] y) <float h = {3.0}, float k = {2.0}> { t = Mul (x, h) u = Relu (t) v = Mul (u, k) y = Cos (v) }';
    const b =
      'g (float[2, 4] x) => (float[2, 4] y) { p = Add (x, x) q = Add (p, p) t = Add (q, p) u = Relu (t) v = Identity (u) y = Cos (v) }';
    const v = await texts(a, b, { layers: true });
    expect(v.status).toBe('same');
    expect(statuses(v)).toEqual({ t: 'reused-name', u: 'same', v: 'same', y: 'same' });
  });

  test('two names that change places', async () => {
    const a = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) t = Relu (s) y = Neg (t) }';
    const b = 'g (float[2, 4] x) => (float[2, 4] y) { t = Sin (x) s = Relu (t) y = Neg (s) }';
    expect(await texts(a, b, { layers: true })).toMatchObject({ status: 'same', layers: { culprits: [], notes: [] } });
  });

  test('and a fault beside it is a fault all the same', async () => {
    // In the reuse, c is added after the sum; t is small beside s, so that the sum hides what is wrong with it.
    const net = (factor: string, reuse: boolean) => `g (float[2, 4] x) => (float[2, 4] y) <float c = {3.0}, float k = {${factor}}> {
      ${reuse ? 's = Sin (x)' : 'sp = Sin (x) s = Add (sp, c)'} t = Mul (x, k)
      ${reuse ? 'up = Add (s, t) u = Add (up, c)' : 'u = Add (s, t)'} v = Neg (t) w = Add (v, u) y = Relu (w) }`;
    const a = net('0.001', false);
    expect(await texts(a, net('0.001', true), { layers: true })).toMatchObject({ status: 'same', layers: { culprits: [] } });
    for (const reuse of [false, true]) {
      const v = await texts(a, net('0.001001', reuse), { layers: true });
      expect([v.status, v.layers!.layers.find(l => l.value === 't')!.status]).toEqual(['different', 'different']);
      expect(v.layers!.culprits.map(c => c.value)).toEqual(['t']);
    }
  });

  test('what nothing that follows can see', async () => {
    const a = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) t = Relu (s) u = Relu (t) y = Neg (u) }';
    const b = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) t = Identity (s) u = Relu (t) y = Neg (u) }';
    const v = await texts(a, b, { layers: true });
    expect([v.status, statuses(v).t]).toEqual(['same', 'reused-name']);
  });

  test('another shape under the same name', async () => {
    const a =
      'g (float[2, 4] x) => (float[2, 4] y) <int64[2] r = {4, 2}, int64[2] k = {2, 4}> { t = Reshape (x, r) u = Sin (t) y = Reshape (u, k) }';
    const b =
      'g (float[2, 4] x) => (float[2, 4] y) <int64[1] r = {8}, int64[2] k = {2, 4}> { t = Reshape (x, r) u = Sin (t) y = Reshape (u, k) }';
    expect(await texts(a, b, { layers: true })).toMatchObject({ status: 'same', layers: { culprits: [] } });
  });
});

describe('layers', () => {
  // A wrong epsilon that the output, a thousand times as large, hides.
  const normalised = (epsilon: string) => `g (float[1, 2, 16, 16] x) => (float[1, 2, 16, 16] y)
    <float[2] s = {1.0, 1.0}, float[2] b = {0.0, 0.0}, float[2] m = {0.1, 0.2}, float[2] v = {1.0, 1.0}, float k = {1000.0}> {
      n = BatchNormalization <epsilon = ${epsilon}> (x, s, b, m, v) c = Relu (n) y = Add (c, k) }`;

  test('show what outputs hide', async () => {
    const [a, b] = [normalised('0.00001'), normalised('0.0001')];
    expect((await texts(a, b)).status).toBe('same');
    const v = await texts(a, b, { layers: true });
    expect(v.status).toBe('different');
    expect(blamed(v)).toEqual(['n']);
    expect(statuses(v)).toEqual({ n: 'different', c: 'same', y: 'same' });
    expect(v.layers!.layers.every(l => Number(l.accumulated.relativeL2) > 0)).toBe(true);
  });

  test('agree in an exact rewrite of a network, and the report is always the same', async () => {
    const a = tiny();
    const { model } = await rewrite(a, pipeline('deploy', { target: 'ort-cpu' }), { fixpoint: true });
    const [first, second] = [await check(a, model, { layers: true }), await check(a, model, { layers: true })];
    expect(first).toMatchObject({
      status: 'same',
      layers: { culprits: [], notes: [], provider: 'cpu', optimization: 'disabled', input: 'normal' },
    });
    expect(first.layers!.layers.length).toBeGreaterThan(10);
    expect(first.layers!.layers.every(l => l.status === 'same' && l.elements > 0 && l.local.violations === 0)).toBe(true);
    expect(second.layers).toEqual(first.layers);
  });

  test('of integers are others as often as rounding makes them, and no oftener', async () => {
    const quantised = (
      scale: string,
    ) => `g (float[1, 1, 64, 64] x) => (float[1, 1, 1, 1] y) <float s = {${scale}}, float d = {0.03}, int8 z = {0}, float h = {0.7}> {
      t = Mul (x, h) q = QuantizeLinear (t, s, z) f = DequantizeLinear (q, d, z) y = GlobalAveragePool (f) }`;
    const v = await texts(quantised('0.03'), quantised('0.033'), { layers: true });
    expect([v.status, blamed(v)]).toEqual(['different', ['q']]);
  });

  test('of a node with several results, which nobody uses but who wants them', async () => {
    const split =
      'g (float[4, 6] x) => (float[4, 2] a, float[4, 4] b) <int64[2] n = {2, 4}> { s = Sin (x) a, b = Split <axis = 1> (s, n) }';
    expect(await texts(split, split, { layers: true })).toMatchObject({ status: 'same', layers: { notes: [], layers: { length: 3 } } });
    const top = 'g (float[4, 6] x) => (float[4, 2] v, int64[4, 2] i) <int64[1] k = {2}> { s = Sin (x) v, i = TopK (s, k) }';
    expect(await texts(top, top, { layers: true })).toMatchObject({ status: 'same', layers: { notes: [], layers: { length: 3 } } });
  });

  test('of float16 have three roundings, no more', async () => {
    const half = (w: string) => `g (float16[8, 16] x) => (float16[8, 16] y) <float16[16] w = {${w}}, float16 top = {200.0}> {
      t = Mul (x, w) u = Relu (t) y = Add (u, top) }`;
    const weights = (by: number) => Array.from({ length: 16 }, (_, i) => ((1 + i / 8) * by).toFixed(4)).join(', ');
    const v = await texts(half(weights(1)), half(weights(1.006)), { layers: true });
    expect([v.configurations[0]!.status, v.status, blamed(v)]).toEqual(['same', 'different', ['t']]);
  });

  test('at every level of optimisation are held against right ones', async () => {
    // What is wrong in the middle is fed to A's next layer, too, if one is not careful.
    const net = (k: string) => `g (float[4, 8] x) => (float[4, 8] y) <float k = {${k}}, float top = {1000.0}> {
      t = Mul (x, k) u = Sin (t) v = Neg (u) y = Add (v, top) }`;
    for (const optimizations of [['disabled'], ['all']] as const) {
      const v = await texts(net('0.9'), net('0.9005'), { layers: true, optimizations });
      expect([v.configurations[0]!.status, v.status, blamed(v)]).toEqual(['same', 'different', ['t']]);
    }
  });

  test('that B alone can not run are told', async () => {
    const a = 'g (float[N, 3] x) => (float[M, 3] y) <int64[2] s = {-1, 3}> { t = Neg (x) y = Reshape (t, s) }';
    const v = await texts(a, a.replace('-1, 3', '1, 3'), { bisect: true });
    expect(v.status).toBe('different');
    expect(v.warnings.map(w => w.code)).toContain('layers-incomplete');
  });
});

describe('the smallest subgraphs that differ', () => {
  test('are written with their inputs, and differ on their own', async () => {
    const a = tiny();
    const { model: deployed } = await rewrite(a, pipeline('deploy', { target: 'ort-cpu' }), { fixpoint: true });
    for (const { kind, model } of brokenModels(deployed)) {
      const into = join(folder, kind);
      const verdict = await check(a, model, { failures: into });
      expect(verdict.layers!.culprits.map(c => c.folder)).toEqual([into]);
      expect(readdirSync(into)).toEqual(['a.onnx', 'b.onnx', 'test_data_set_0']);
      const data = join(into, 'test_data_set_0');
      const tensor = (name: string) => decodeTensor(readFileSync(join(data, name)));
      const own = await verify({ path: join(into, 'a.onnx') }, { path: join(into, 'b.onnx') }, { ...quick, layers: true });
      expect([kind, own.status]).toEqual([kind, 'different']);
      expect(tensor('output_0.pb').size).toBeGreaterThan(0);
    }
  });

  test('can be run on what lies beside them where they take no inputs, too', async () => {
    const folded = (c: string) =>
      `g (float[2] x) => (float[2] y) <float[2] a = {1.0, 2.0}, float[2] b = {${c}}> { c = Mul (a, b) y = Add (x, c) }`;
    const into = join(folder, 'constants');
    const verdict = await texts(folded('3.0, 4.0'), folded('3.0, 4.5'), { failures: into });
    expect(verdict.layers!.culprits.map(c => c.node.name)).toEqual(['c']);
    const data = [join(into, 'test_data_set_0')];
    expect(readdirSync(data[0]!)).toEqual(['output_0.pb']);
    expect((await verify({ path: join(into, 'a.onnx') }, { path: join(into, 'b.onnx') }, { data })).status).toBe('different');
  });
});

describe('a folder for failures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'funnel-failures-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const relu = 'g (float[2, 4] x) => (float[2, 4] y) { s = Sin (x) y = Relu (s) }';

  test('is cleared of what an earlier run left, and of nothing else; what is compared is not written over', async () => {
    const into = join(folder, 'old');
    const { layers } = await texts(relu, relu.replace('Relu', 'Abs').replace('Sin', 'Cos'), { failures: into });
    expect(layers!.culprits.map(c => c.folder)).toEqual([join(into, '1'), join(into, '2')]);
    writeFileSync(join(into, 'notes.txt'), 'mine');
    const [a, b] = ['a.onnx', 'b.onnx'].map(name => ({ path: join(into, '1', name) }));
    await expect(verify(a!, b!, { ...quick, failures: into })).rejects.toThrow('would be overwritten');
    expect(existsSync(a!.path)).toBe(true);
    expect((await texts(relu, relu, { failures: into })).status).toBe('same');
    expect(readdirSync(into)).toEqual(['notes.txt']);
    await texts(relu, relu, { failures: join(folder, 'none') });
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});
