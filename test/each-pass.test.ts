import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passes } from '../passes/index.ts';
import { rewrite } from '../src/api.ts';
import { exitCodeOf, lineOf } from '../src/cli/failure.ts';
import { bindOptionalValues } from '../src/cli/options.ts';
import { PassFailed } from '../src/errors.ts';
import { any, p, pass, rule } from '../src/rewrite/rules.ts';
import type { DType } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { runFunnel } from './support/cli.ts';

const chain = (type: string, opset = 17) =>
  `<ir_version: 8, opset_import: ["" : ${opset}]>\ng (${type}[2,4] x) => (${type}[2,4] y) { a = Identity (x) b = Relu (a) y = Neg (b) }`;
const wrong = pass('relu-to-abs', 'exact', rule({ match: p.Relu(any('x')), rewrite: ({ x }, op) => op.Abs(x) }));
const changing = pass('relu-to-abs', 'changes', rule({ match: p.Relu(any('x')), rewrite: ({ x }, op) => op.Abs(x) }));
const dropIdentity = passes['drop-identity']!({});
const dropUnused = passes['drop-unused']!({});

describe('each pass is compared with the model before it', () => {
  test('the first pass that is wrong is named, with the output that differs', async () => {
    for (const type of ['float', 'double']) {
      const failure = await rewrite(parse(chain(type)), [dropIdentity, wrong, dropUnused], { check: 'each-pass' }).catch(error => error);
      expect(failure).toBeInstanceOf(PassFailed);
      expect(failure.pass).toBe('relu-to-abs');
      expect(failure.message).toMatch(
        /^relu-to-abs at cpu disabled, output 'y': it changed what the model computes: relative L2 .*worst at/,
      );
      expect(exitCodeOf(failure)).toBe(4);
      expect(lineOf(failure)).toMatch(/^funnel: relu-to-abs [^\n]*please report it/);
    }
  });

  test('what is right, what is meant to change outputs, and what fired nothing', async () => {
    const { compared } = await rewrite(parse(chain('float')), [dropUnused, dropIdentity, changing], { check: 'each-pass' });
    expect(compared).toEqual([
      { pass: 'drop-identity', status: 'same', detail: expect.stringContaining('bit-identical') },
      { pass: 'relu-to-abs', status: 'changes', detail: 'it is meant to change what the model computes' },
    ]);
  });

  test('what the runtime has no kernels for is compared in float', async () => {
    const conv =
      '<ir_version: 8, opset_import: ["" : 17]>\ng (bfloat16[1,1,3,3] x) => (bfloat16[1,1,3,3] y) <bfloat16[1,1,1,1] w = {0.5}> { a = Identity (x) y = Conv (a, w) }';
    const { compared } = await rewrite(parse(conv), [dropIdentity], { check: 'each-pass' });
    expect(compared).toMatchObject([{ status: 'same', detail: expect.stringContaining('with float in place of double and bfloat16') }]);
  });

  test('in float, doubles are held to what float can do, and bfloat16 to what that can', async () => {
    const conv = (type: string) => `<ir_version: 8, opset_import: ["" : 17]>
      g (${type}[1,2,4,4] x) => (${type}[1,2,4,4] y) <${type}[2,2,1,1] w = {0.5, -0.25, 0.75, 1.5}> { c = Conv (x, w) n = Neg (c) y = Relu (n) }`;
    const scaled = (type: DType, factor: number) =>
      pass(
        'neg-to-mul',
        'exact',
        rule({ match: p.Neg(any('x')), rewrite: ({ x }, op) => op.Mul(x, Tensor.fill(type, [], -factor).settle()) }),
      );
    const compared = async (type: DType, factor: number) =>
      (await rewrite(parse(conv(type)), [scaled(type, factor)], { check: 'each-pass' })).compared?.[0]?.status;
    expect(await compared('double', 1)).toBe('same');
    await expect(compared('double', 1.001)).rejects.toBeInstanceOf(PassFailed);
    expect(await compared('bfloat16', 1 + 2 ** -7)).toBe('same');
    await expect(compared('bfloat16', 1.5)).rejects.toBeInstanceOf(PassFailed);
  });

  test('what cannot be compared is not called the same', async () => {
    const foreign =
      '<ir_version: 8, opset_import: ["" : 17, "other" : 1]>\ng (float[2,4] x) => (float[2,4] y) { a = Identity (x) y = other.Thing (a) }';
    const random =
      '<ir_version: 8, opset_import: ["" : 17]>\ng (float[2,4] x) => (float[2,4] y) { a = Identity (x) r = RandomNormalLike (a) y = Add (r, a) }';
    for (const text of [foreign, random]) {
      const { compared } = await rewrite(parse(text), [dropIdentity], { check: 'each-pass' });
      expect(compared).toMatchObject([{ pass: 'drop-identity', status: 'unknown' }]);
    }
  });

  test('structure alone needs no runtime', async () => {
    const { compared, report } = await rewrite(parse(chain('float')), [wrong], { check: 'structure' });
    expect(compared).toBeUndefined();
    expect(report[0]!.fired).toHaveLength(1);
  });
});

describe('on the command line', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'funnel-each-pass-'));
    writeFileSync(join(folder, 'in.onnxtxt'), chain('float'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('--check takes a word that is one of its own, and no other', () => {
    expect(bindOptionalValues(['--check', 'in.onnx'])).toEqual(['--check=structure', 'in.onnx']);
    expect(bindOptionalValues(['in.onnx', '--check'])).toEqual(['in.onnx', '--check=structure']);
    expect(bindOptionalValues(['--check', 'each-pass', 'in.onnx'])).toEqual(['--check', 'each-pass', 'in.onnx']);
    expect(bindOptionalValues(['--check=each-pass', '--', '--check'])).toEqual(['--check=each-pass', '--', '--check']);
  });

  test('every spelling of it', async () => {
    const run = (...check: string[]) => runFunnel(['simplify', ...check, 'in.onnxtxt', '-o', 'out.onnx'], { cwd: folder });
    for (const check of [['--check', 'each-pass'], ['--check=each-pass']]) {
      const { code, stdout, stderr } = await run(...check);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toContain('same outputs before and after drop-identity');
    }
    expect(await run('--check')).toMatchObject({ code: 0, stdout: expect.not.stringContaining('same outputs') });
    expect(await run('--check=each-pas')).toMatchObject({ code: 2, stderr: expect.stringContaining('each-pass') });
  }, 60_000);
});
