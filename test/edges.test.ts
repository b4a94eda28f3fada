import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { freezeInitializers } from '../passes/freeze-initializers.ts';
import { runCase } from '../src/ci/run.ts';
import { verify } from '../src/index.ts';
import { Runtime } from '../src/runtime/session.ts';
import { parse } from '../src/text/parse.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import type { VerifyOptions } from '../src/verify/verify.ts';

/** The edges of models: what is no tensor, and what a caller may leave out. */

const runtime = new Runtime();
afterAll(() => runtime.close());
const check = (a: string, b: string, options?: VerifyOptions) =>
  verify(parse(a), parse(b), { runtime, kinds: ['normal'], optimizations: ['disabled'], ...options });
const told = (v: Verdict) => [v.status, ...v.reasons.map(r => `${r.code} ${r.where}: ${r.message}`)];

describe('outputs that are no tensors', () => {
  const pieces = (op: string, z = 'Relu', type = 'seq(float[N, 1])') =>
    `g (float[N, 3] x) => (${type} prob, float[N, 3] z) { z = ${z} (x) n = ${op} (x) prob = SplitToSequence <axis = 1> (n) }`;
  const unseen = "output-not-comparable output 'prob': is seq(float), which can not be compared: leave it out with --exclude";

  test('are not the same because nothing was compared', async () => {
    const v = await check(pieces('Neg'), pieces('Abs'));
    expect(told(v)).toEqual(['inconclusive', unseen]);
    expect(v.configurations.map(c => [...new Set(c.results.map(r => r.output))])).toEqual([['z']]);
    expect(told(await check(pieces('Neg'), pieces('Abs'), { exclude: ['prob'] }))).toEqual(['same']);
    // Sizes inside are as they are written, or not.
    expect(told(await check(pieces('Neg'), pieces('Abs', 'Relu', 'seq(float[])')))).toEqual(['inconclusive', unseen]);
  });

  test('hide no difference, and another type is one', async () => {
    expect(told(await check(pieces('Neg'), pieces('Neg', 'Abs')))).toEqual(['different', expect.stringContaining("output 'z'"), unseen]);
    const tensor = 'g (float[N, 3] x) => (float[N, 3] z, float[N, 3] prob) { z = Relu (x) prob = Neg (x) }';
    expect(told(await check(pieces('Neg'), tensor))).toEqual(['different', "output-type output 'prob': seq(float) became float"]);
  });

  describe('but maps by the names of classes', () => {
    const classifier = (
      scale: string,
      maps: string,
      key = 'int64',
      opsets = '"" : 17, "ai.onnx.ml" : 1',
    ) => `<ir_version: 8, opset_import: [${opsets}]>
      g (float[N, 3] x) => (int64[N] label, seq(map(${key}, float)) prob) <float s = {${scale}}> {
        m = Mul (x, s) p = Softmax (m) label = ArgMax <axis = 1, keepdims = 0> (m) prob = ai.onnx.ml.ZipMap <${maps}> (p) }`;
    const numbers = 'classlabels_int64s = [0, 1, 2]';
    const words = 'classlabels_strings = ["cat", "dog", "eel"]';

    test('are compared by their values', async () => {
      expect(told(await check(classifier('1', numbers), classifier('1', numbers)))).toEqual(['same']);
      expect(told(await check(classifier('1', words, 'string'), classifier('1', words, 'string')))).toEqual(['same']);
      const v = await check(classifier('1', numbers), classifier('7', numbers), { layers: true, selfCheck: true });
      expect(v.reasons.map(r => [r.code, r.where])).toEqual([
        ['output-values', "cpu disabled, output 'prob'"],
        ['layer-values', expect.stringContaining('Mul')],
      ]);
      expect(v.configurations[0]!.results.map(r => [r.output, r.comparison.elements, r.comparison.same])).toEqual([
        ['label', 2, true],
        ['prob', 6, false],
        ['label', 3, true],
        ['prob', 9, false],
      ]);
    });

    test.each([
      ['another order', classifier('1', 'classlabels_int64s = [0, 2, 1]'), 'maps of 0, 1, 2 became maps of 0, 2, 1'],
      ['words for numbers', classifier('1', words, 'string'), 'seq(map(int64, float)) became seq(map(string, float))'],
      [
        'a tensor',
        'g (float[N, 3] x) => (int64[N] label, float[N, 3] prob) { label = ArgMax <axis = 1, keepdims = 0> (x) prob = Softmax (x) }',
        'seq(map(int64, float)) became float',
      ],
      [
        'a sequence',
        classifier('1', numbers)
          .replace(/seq.*prob\)/, 'seq(float) prob)')
          .replace(/prob = ai.*/, 'prob = SplitToSequence (p) }'),
        'seq(map(int64, float)) became seq(float)',
      ],
    ])('with %s they are others', async (_, b, message) => {
      expect(told(await check(classifier('1', numbers), b))).toEqual(['different', `output-type output 'prob': ${message}`]);
    });

    test('also in a model of no other operators', async () => {
      const pure = (scale: string) => `<ir_version: 8, opset_import: ["ai.onnx.ml" : 1]>
        g (float[N, 3] x) => (seq(map(int64, float)) prob) {
          m = ai.onnx.ml.Scaler <offset = [0.0], scale = [${scale}]> (x) prob = ai.onnx.ml.ZipMap <${numbers}> (m) }`;
      expect(told(await check(pure('1.0'), pure('1.0')))).toEqual(['same']);
      expect(told(await check(pure('1.0'), pure('2.0')))).toEqual(['different', expect.stringContaining("output 'prob'")]);
    });
  });

  test('an input that is none can not be fed', async () => {
    const length = 'g (seq(float[N]) s) => (int64 y) { y = SequenceLength (s) }';
    expect(told(await check(length, length))).toEqual([
      'inconclusive',
      "input-not-feedable input 's': is seq(float), for which no values can be made: nothing was run",
      'nothing-compared models: no input was tried',
    ]);
    expect(told(await check(length, 'g (int64 s) => (int64 y) { y = Neg (s) }'))[1]).toBe("input-type input 's': seq(float) became int64");
  });
});

describe('inputs with a default', () => {
  const given = 'g (float[2] x, float[2] k) => (float[2] y) { y = Mul (x, k) }';
  const open = (k = '2, 3', type = 'float[2]') => `g (float[2] x, ${type} k = {${k}}) => (float[2] y) { y = Mul (x, k) }`;
  const fixed = 'g (float[2] x) => (float[2] y) <float[2] k = {2, 3}> { y = Mul (x, k) }';

  test.each([
    ['as they were', open(), open(), ['same']],
    ['lost', open(), fixed, ['different', "input-missing input 'k': is missing in B; A has a default for it, which callers may override"]],
    ['gained', fixed, open(), ['different', "input-extra input 'k': is in B only; B has a default for it, which callers may override"]],
    [
      'another shape',
      open(),
      open('2', 'float[1]'),
      ['different', "input-shape input 'k': [2] became [1]", expect.stringContaining('output-values')],
    ],
    ['no default any more', open(), given, ['different', "input-default input 'k': has a default in A, and must be given in B"]],
    [
      'a default that was none',
      given,
      open(),
      ['different', "input-default input 'k': must be given in A, and has a default in B", expect.stringContaining('output-values')],
    ],
  ])('%s', async (_, a, b, expected) => {
    const v = await check(a, b);
    expect(told(v)).toEqual(expected);
    expect(v.warnings).toEqual([]);
  });

  test('another default is a warning, where outputs agree', async () => {
    const idle = (k: string) => `g (float[2] x, float k = {${k}}) => (float[2] y) { y = Relu (x) }`;
    const v = await check(idle('1'), idle('2'));
    expect([v.status, v.warnings]).toEqual(['same', [{ code: 'input-default', where: "input 'k'", message: 'has another default in B' }]]);
  });

  test('before IR version 4 every initializer is an input by form, and none has a default', async () => {
    expect(told(await check(`<ir_version: 3, opset_import: ["" : 8]> ${open()}`, fixed))).toEqual(['same']);
  });

  test('can be left out by name; what a pass was told to freeze, is', async () => {
    expect(told(await check(open(), fixed, { exclude: ['k'] }))).toEqual(['same']);
    expect(await check(open(), fixed, { exclude: ['kk'] }).catch(e => e.message)).toMatch("did you mean 'k'?");
    const two = (more: string) => `g (float[2] x${more}) => (float[2] y) { y = Relu (x) }`;
    const weights = two(', float layer_0_weight = {1}, float layer_1_weight = {2}');
    expect(told(await check(weights, two(''), { exclude: ['layer_*_weight'] }))).toEqual(['same']);
    expect((await check(weights, two(''), { exclude: ['layer_0_*'] })).reasons.map(r => r.where)).toEqual(["input 'layer_1_weight'"]);
    // No glob takes an output out of the comparison.
    expect(told(await check(weights, two('').replace('Relu', 'Neg'), { exclude: ['*'] }))[0]).toBe('different');
    expect(await check(weights, weights, { exclude: ['y*'] }).catch(e => e.code)).toBe('E_USAGE');
    const folder = mkdtempSync(join(tmpdir(), 'funnel-edges-'));
    writeFileSync(join(folder, 'open.onnxtxt'), open());
    const models = { model: join(folder, 'open.onnxtxt'), what: 'frozen', passes: [freezeInitializers()], fixpoint: false };
    const { verdict } = await runCase({ name: 'frozen', options: { kinds: ['normal'], optimizations: ['disabled'] }, models }, runtime);
    rmSync(folder, { recursive: true });
    expect([told(verdict), verdict.excludedOutputs]).toEqual([['same'], ['k']]);
  });
});

describe('integers that numbers are too small for', () => {
  const wide = 2n ** 53n;
  const constant = (type: string, ...values: bigint[]) =>
    `g (float x) => (${type}[${values.length}] y) <${type}[${values.length}] c = {${values}}> { y = Identity (c) }`;

  test.each(['int64', 'uint64'])('%s that differ are counted, and told', async type => {
    const v = await check(constant(type, 7n, wide, wide + 8n), constant(type, 7n, wide + 1n, wide + 9n));
    expect(told(v)).toEqual([
      'different',
      "output-values cpu disabled, output 'y': 2 of 3 elements outside the tolerance; worst at [1]: 9007199254740992 became 9007199254740993 (input 'normal')",
    ]);
    expect(v.configurations[0]!.results[0]!.comparison).toMatchObject({
      reasons: ['elements'],
      violations: 2,
      maxAbs: 1,
      requiredAtol: 1,
      worst: { index: [1], expected: '9007199254740992', actual: '9007199254740993' },
    });
  });

  test('small ones stay numbers; both ends of the range are far apart', async () => {
    const { comparison } = (await check(constant('int64', 1n, 2n), constant('int64', 1n, -5n))).configurations[0]!.results[0]!;
    expect(comparison).toMatchObject({ violations: 1, maxAbs: 7, worst: { index: [1], expected: 2, actual: -5 } });
    const ends = (await check(constant('int64', -(2n ** 63n)), constant('int64', 2n ** 63n - 1n))).configurations[0]!.results[0]!;
    expect(ends.comparison).toMatchObject({ maxAbs: 2 ** 64, worst: { expected: '-9223372036854775808', actual: '9223372036854775807' } });
    expect((await check(constant('int64', wide + 1n), constant('int64', wide + 1n))).status).toBe('same');
  });
});

test('what fails says the same in every run, and in whatever order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'funnel-edges-'));
  const cases = ['own.Odd', 'Relu', 'own.Strange'].map(op => {
    const text = `<ir_version: 8, opset_import: ["" : 17, "own" : 1]> g (float[2, 200] x) => (float[2, 200] y)
      <float[200, 200] w = ["location": "fill:1"]> { m = MatMul (x, w) y = ${op} (m) }`;
    writeFileSync(join(folder, `${op}.onnxtxt`), text);
    const models = { model: join(folder, `${op}.onnxtxt`), what: 'fold', passes: [], fixpoint: false };
    return { name: op, options: { kinds: ['normal'], optimizations: ['disabled'] } as const, models };
  });
  const reportIn = async (order: typeof cases) => {
    const own = new Runtime();
    const said = new Map<string, string>();
    for (const planned of order) {
      const { verdict } = await runCase(planned, own);
      said.set(planned.name, JSON.stringify({ ...verdict, timings: undefined }));
    }
    await own.close();
    return cases.map(c => said.get(c.name)!);
  };
  const first = await reportIn(cases);
  const second = await reportIn([...cases].reverse());
  rmSync(folder, { recursive: true });
  expect(second).toEqual(first);
  expect(JSON.parse(first[0]!)).toMatchObject({
    status: 'invalid',
    reasons: [{ message: expect.stringMatching(/^Load model from the model failed/) }, {}],
  });
});
