import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passes } from '../passes/index.ts';
import { rewrite } from '../src/api.ts';
import { parseConfig } from '../src/ci/schema.ts';
import { verdictText } from '../src/report/verdict-text.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { factsIn } from '../src/verify/facts.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { runFunnel } from './support/cli.ts';

const runtime = new Runtime();
afterAll(() => runtime.close());
const model = (text: string) => ({ bytes: encode(parse(text)) });
const check = (a: string, b: string, options?: VerifyOptions) => verify(model(a), model(b), { runtime, ...options });

const header = '<ir_version: 8, opset_import: ["" : 17, "local" : 1]> ';
const random = (name: string, type: string, more = '') => `${type} ${name} = ["location": "rand:normal", "seed": "${name}"${more}]`;

/** Convolutions with BatchNormalization in float16, float at the edges; beside them an output that float alone computes. */
const mixed = (scale = '1.0') => `${header}g (float[N, 3, 8, 8] x) => (float[N, 4, 8, 8] y, float[N, 3, 8, 8] z)
  <${random('w', 'float16[4, 3, 3, 3]')}, ${random('s', 'float16[4]')}, ${random('b', 'float16[4]')}, ${random('m', 'float16[4]')},
   float16[4] v = ["location": "rand:uniform", "seed": "v", "low": "0.5", "high": "1.5"], float k = {${scale}}>
  { h = Cast <to = 10> (x) c = Conv <pads = [1, 1, 1, 1]> (h, w) n = BatchNormalization (c, s, b, m, v) r = Relu (n) y = Cast <to = 1> (r) z = Mul (x, k) }`;

const reasons = (v: Verdict, output: string) =>
  v.configurations.flatMap(c => c.results.filter(r => r.output === output).map(r => r.tolerance.because));

describe('a network of float16 whose edges are float', () => {
  let folded: string;
  beforeAll(async () => {
    const { print } = await import('../src/text/print.ts');
    const { model: after, report } = await rewrite(parse(mixed()), [passes['fold-batch-norm']!({})]);
    expect(report[0]!.fired).toHaveLength(1);
    folded = print(after);
  });

  test('is the same when folded, layer by layer too, and the verdict says why', async () => {
    const v = await check(mixed(), folded, { layers: true });
    expect(v).toMatchObject({ status: 'same', layers: { culprits: [] } });
    expect(new Set(reasons(v, 'y'))).toEqual(new Set(['computed in float16, same provider']));
    expect(new Set(reasons(v, 'z'))).toEqual(new Set(['float, same provider']));
    const text = verdictText(v);
    expect(text).toContain('; computed in float16, same provider');
    expect(text).toContain('; float, same provider');
  });

  test('is different to a precision that is asked for', async () => {
    const v = await check(mixed(), folded, { precision: 'float' });
    expect(v.status).toBe('different');
    expect(new Set(reasons(v, 'y'))).toEqual(new Set(['float, same provider']));
  });

  test('has no more room in what float alone computes', async () => {
    const v = await check(mixed(), mixed('1.0001'), { optimizations: ['disabled'] });
    expect(v).toMatchObject({ status: 'different', reasons: [{ where: "cpu disabled, output 'z'" }] });
    expect((await check(mixed(), mixed('1.0001'), { precision: 'float16' })).status).toBe('same');
  });

  test('a fault is a fault', async () => {
    const broken = mixed().replace('r = Relu (n)', 'r = LeakyRelu <alpha = 0.05> (n)');
    expect((await check(mixed(), broken, { optimizations: ['disabled'] })).status).toBe('different');
  });

  test('on the command line, and in a configuration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'funnel-precision-'));
    try {
      writeFileSync(join(folder, 'a.onnxtxt'), mixed());
      writeFileSync(join(folder, 'b.onnxtxt'), folded);
      const run = (...more: string[]) => runFunnel(['verify', 'a.onnxtxt', 'b.onnxtxt', '--inputs', 'normal', ...more], { cwd: folder });
      expect(await run()).toMatchObject({ code: 0, stdout: expect.stringContaining('computed in float16') });
      expect(await run('--precision', 'float')).toMatchObject({ code: 1, stdout: expect.not.stringContaining('computed in') });
      expect(await run('--precision', 'bfloat16')).toMatchObject({ code: 0, stdout: expect.stringContaining('computed in bfloat16') });
      expect(await run('--precision', 'flaot')).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^funnel: [^\n]*flaot[^\n]*float[^\n]*\n$/),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
    const config = (precision: string) => ({ cases: [{ a: 'a.onnx', b: 'b.onnx', precision }] });
    expect(parseConfig(config('float16'), 'c')).toEqual(config('float16'));
    expect(() => parseConfig(config('flaot'), 'c')).toThrow(/cases\[0\]\.precision.*flaot.*float/);
  }, 60_000);
});

const precisionOf = (text: string) => factsIn(parse(header + text)).precisions.get('y');
const around = (nodes: string) => `g (float[2, 4] x) => (float[2, 4] y)
  <float16[4, 4] w = ["location": "fill:1"], float[4, 4] f = ["location": "fill:1"], float16 h = {2.0}, int8[4, 4] q = ["location": "fill:1"], bool c = {1}> { ${nodes} }`;

describe('what an output is computed in', () => {
  test.each([
    ['nothing', 'y = Identity (x)', undefined],
    ['nothing, where values are taken as they are', 'k = Cast <to = 10> (x) r = Relu (k) y = Cast <to = 1> (r)', undefined],
    ['float', 'y = MatMul (x, f)', 'float'],
    ['float, with weights stored in float16', 'k = Cast <to = 1> (w) y = MatMul (x, k)', 'float'],
    ['float, with weights whose scales are in float16', 'g = Cast <to = 1> (h) d = DequantizeLinear (q, g) y = MatMul (x, d)', 'float'],
    ['float, with weights computed in float16', 'd = Mul (w, h) k = Cast <to = 1> (d) y = MatMul (x, k)', 'float'],
    ['float16', 'k = Cast <to = 10> (x) m = MatMul (k, w) y = Cast <to = 1> (m)', 'float16'],
    ['float16, where float was rounded to it', 'm = MatMul (x, f) k = Cast <to = 10> (m) y = Cast <to = 1> (k)', 'float16'],
    ['float16 by a type that another value gives', 'm = MatMul (x, f) k = CastLike (m, h) y = CastLike (k, x)', 'float16'],
    ['float16, then float', 'k = Cast <to = 10> (x) m = MatMul (k, w) l = Cast <to = 1> (m) y = MatMul (l, f)', 'float16'],
    [
      'float, of the shape of what float16 computed',
      'k = Cast <to = 10> (x) m = MatMul (k, w) s = Shape (m) e = Reshape (x, s) y = MatMul (e, f)',
      'float',
    ],
    [
      'float16 in a branch',
      'k = Cast <to = 10> (x) y = If (c) <then_branch = g1 () => (float[2, 4] a) { m = MatMul (k, w) a = Cast <to = 1> (m) }, else_branch = g2 () => (float[2, 4] b) { b = Neg (x) }>',
      'float16',
    ],
  ])('%s', (_, nodes, expected) => expect(precisionOf(around(nodes))).toBe(expected));

  test('float16 in a function', () => {
    const text = `${around('y = local.Layer (x, w)')}\n<domain: "local", opset_import: ["" : 17]> Layer (x, w) => (y) { k = Cast <to = 10> (x) m = MatMul (k, w) y = CastLike (m, x) }`;
    expect(precisionOf(text)).toBe('float16');
  });

  test('float16 that comes round in a loop', () => {
    const text = `g (float[2, 4] x) => (float[2, 4] y) <int64 n = {3}, float16[4, 4] w = ["location": "fill:1"], float16[2, 4] start = ["location": "fill:1"]> {
      y, last = Loop (n, , x, start) <body = b (int64 i, bool go, float[2, 4] v, float16[2, 4] u) => (bool on, float[2, 4] a, float16[2, 4] t) {
        on = Identity (go) a = Cast <to = 1> (u) t = MatMul (u, w) }> }`;
    expect(precisionOf(text)).toBe('float16');
  });
});
