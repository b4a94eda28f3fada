import { describe, expect, test } from 'vitest';
import { FunnelError } from '../src/errors.ts';
import { normal, uniform } from '../src/tensor/random.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';

const constantIn = (text: string): Tensor => [...parse(`g () => () <${text}> {}`).graph.constants][0]!.constant!;
const numbersIn = (text: string) => Array.from(constantIn(text).elements() as ArrayLike<number | bigint>);
const inputOf = (text: string) => parse(`g (${text}) => () {}`).graph.inputs[0]!;
const reprinted = (text: string) => print(parse(text));

describe('types', () => {
  test.each([
    'float',
    'float[]',
    'float[?]',
    'int4[N,3,?]',
    'float8e4m3fnuz[1]',
    'float6e2m3[2]',
    'undefined',
    'seq(float[N])',
    'optional(seq(int64))',
    'map(string, seq(float[]))',
    'sparse_tensor(float[3,N])',
    'sparse_tensor(double[])',
    'float["batch size"]',
    'opaque()',
    'float[0]',
  ])('%s', text => {
    const { type } = inputOf(`${text} x`);
    expect(reprinted(`g (${text} x) => () {}`)).toContain(`g (${text} x)`);
    expect(type).toBeDefined();
  });

  test('know scalars from unknown ranks', () => {
    expect([inputOf('float x').shape, inputOf('float[] x').shape, inputOf('float[-1, 99999999999999999] x').shape]).toEqual([
      [],
      undefined,
      [undefined, undefined],
    ]);
  });

  test('opaque types lose their names', () => expect(inputOf('opaque(a.b, c) x').type).toEqual({ kind: 'other' }));
});

describe('initializers', () => {
  test('are exact in every element type', () => {
    expect(numbersIn('int64[2] w = {9223372036854775807, -9007199254740993}')).toEqual([9223372036854775807n, -9007199254740993n]);
    expect(numbersIn('uint64 w = {18446744073709551615}')).toEqual([18446744073709551615n]);
    expect(numbersIn('float[5] w = {1, 0.1, -inf, nan, -0}')).toEqual([1, Math.fround(0.1), -Infinity, Number.NaN, -0]);
    expect(numbersIn('double[2] w = {0.1, 5e-324}')).toEqual([0.1, 5e-324]);
    expect(numbersIn('bool[2] w = {1, 0}')).toEqual([1, 0]);
    expect(numbersIn('uint8[2] w = {255, 0}')).toEqual([255, 0]);
    expect(numbersIn('complex64[2] w = {1, 2, 3, 4.5}')).toEqual([1, 2, 3, 4.5]);
    expect(
      constantIn('string[2] w = {"ä", ""}')
        .strings()
        .map(s => Buffer.from(s).toString()),
    ).toEqual(['ä', '']);
    expect(numbersIn('float[0] w = {}')).toEqual([]);
  });

  test('of small floats: integers are bit patterns, as in ONNX, all else are values', () => {
    expect(numbersIn('float16[4] w = {15360, 1.0, 6.1e-5, inf}')).toEqual([1, 1, 0.00006097555160522461, Infinity]);
    expect(numbersIn('bfloat16[2] w = {16256, -1.5}')).toEqual([1, -1.5]);
    expect(numbersIn('float8e4m3fn[2] w = {56, 448.0}')).toEqual([1, 448]);
    expect(numbersIn('float8e8m0[2] w = {127, 0.25}')).toEqual([1, 0.25]);
  });

  test('of less than a byte come packed, as in ONNX, or one by one', () => {
    for (const elements of ['{33, 195}', '{1, 2, 3, -4}']) expect(numbersIn(`int4[4] w = ${elements}`)).toEqual([1, 2, 3, -4]);
    expect(numbersIn('uint4[3] w = {33, 3}')).toEqual([1, 2, 3]);
    for (const element of [-1, 15]) expect(numbersIn(`int4 w = {${element}}`)).toEqual([-1]);
    expect(numbersIn('uint2[5] w = {27, 2}')).toEqual([3, 2, 1, 0, 2]);
    expect(numbersIn('float4e2m1[3] w = {0.5, 1.0, -6.0}')).toEqual([0.5, 1, -6]);
    expect(numbersIn('float4e2m1 w = {6.0}')).toEqual([6]);
  });

  test('given to an input are a default that callers may override', () => {
    const model = parse('g (float[2] a = {1, 2}, float[N] b) => () <float[1] b = {3}, float c = {4}> {}');
    expect(model.graph.inputs.map(({ definition }) => definition.kind === 'input' && definition.fallback?.size)).toEqual([2, 1]);
    expect([...model.graph.constants].map(v => v.name)).toEqual(['c']);
    expect(print(parse(print(model)))).toBe(print(model));
  });

  test('given to an input before IR version 4 are constants', () => {
    const text = '<ir_version: 3, opset_import: ["" : 8]>\ng (\n  float x,\n  float[2] w = {1, 2}\n) => () {\n}\n';
    const { graph } = parse(text);
    expect([graph.inputs.length, [...graph.constants].map(v => v.name)]).toEqual([1, ['w']]);
    expect(reprinted(text)).toBe(text);
  });

  test('are generated, the same every time', () => {
    const he = constantIn('float[64,3,7,7] w = ["location": "rand:normal", "seed": "7", "fan": "he"]');
    const values = Array.from(he.numbers());
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    expect(deviation / Math.sqrt(2 / 147)).toBeCloseTo(1, 1);
    expect(values.slice(0, 2)).toEqual(numbersIn('float[64,3,7,7] w2 = ["location": "rand:normal", "seed": "7", "fan": "he"]').slice(0, 2));
    expect(numbersIn('float[2] a = ["location": "rand:normal"]')).not.toEqual(numbersIn('float[2] b = ["location": "rand:normal"]'));
    const uniform = numbersIn('float[1000] w = ["location": "rand:uniform", "seed": "x", "low": "-2", "high": "3"]') as number[];
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...uniform)).toBeLessThanOrEqual(3);
    expect(new Set(numbersIn('int8[100] w = ["location": "rand:uniform", "low": "-1", "high": "2"]'))).toEqual(new Set([-1, 0, 1]));
    expect(numbersIn('float16[2] w = ["location": "fill:0.5"]')).toEqual([0.5, 0.5]);
    expect(reprinted('g () => () <float[2] w = ["location": "fill:1"]> {}')).toContain('float[2] w = {1, 1}');
  });

  test('in other files stay there', () => {
    const text = 'float[2] w = ["location": "w.bin", "offset": "64"]';
    expect(() => constantIn(text).bytes()).toThrow(FunnelError);
    expect(reprinted(`g () => () <${text}> {}`)).toContain(text);
    const node = 'y = Op <a: tensor = float[2] = ["location": "w.bin"]> ()';
    expect(reprinted(`g () => () { ${node} }`)).toContain(node);
  });
});

describe('random numbers', () => {
  test('do not change: fixtures are made of them', () => {
    expect([...normal('7', 3)]).toEqual([1.0546378036182762, -1.9120586686355816, -1.2405868974522585]);
    expect([...uniform(7, 2, -1, 1)]).toEqual([0.1466293326734509, -0.2658390261117545]);
    expect(normal(7, 4).slice(0, 3)).toEqual(normal('7', 3));
  });

  test('are spread as they should be', () => {
    const moments = (values: Float64Array) => [1, 2, 3, 4].map(k => values.reduce((sum, x) => sum + x ** k, 0) / values.length);
    for (const [i, moment] of moments(normal('x', 200_000)).entries()) expect(moment).toBeCloseTo([0, 1, 0, 3][i]!, 1);
    for (const [i, moment] of moments(uniform('x', 200_000)).entries()) expect(moment).toBeCloseTo(1 / (i + 2), 2);
  });
});
