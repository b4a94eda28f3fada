import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { parse } from '../src/text/parse.ts';
import { matchValues } from '../src/verify/match-values.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { verify } from '../src/verify/verify.ts';
import { quick, texts } from './support/layers.ts';

const folder = mkdtempSync(join(tmpdir(), 'funnel-names-'));
afterAll(async () => {
  await closeFactRuntime();
  rmSync(folder, { recursive: true });
});

const blamed = (v: Verdict) => v.layers?.culprits.map(c => c.value);

const numbers = (n: number, seed: number) => Array.from({ length: n }, (_, i) => (Math.sin(i * 1.7 + seed) * 0.4).toFixed(4)).join(', ');
const weights = `<float[4, 4] w1 = {${numbers(16, 1)}}, float[4, 4] w2 = {${numbers(16, 2)}}, float[4, 4] w3 = {${numbers(16, 3)}}, float[4] b = {${numbers(4, 4)}}>`;
const net = (body: string, more = '') => `g (float[3, 4] x) => (float[3, 4] y) ${weights.replace('>', `${more}>`)} { ${body} }`;

describe('names that say nothing', () => {
  const numbered = net(
    '"1" = Gemm (x, w1, b) "2" = Relu ("1") "3" = MatMul ("2", w2) "4" = Sigmoid ("3") "5" = Relu ("4") "6" = MatMul ("5", w3) y = Tanh ("6")',
  );
  // One node more, and each value after it has its neighbour's name.
  const shifted = (w2 = 'w2', more = '') =>
    net(
      `"1" = MatMul (x, w1) "2" = Add ("1", b) "3" = Relu ("2") "4" = MatMul ("3", ${w2}) "5" = Sigmoid ("4") "6" = Relu ("5") "7" = MatMul ("6", w3) y = Tanh ("7")`,
      more,
    );

  test('numbers that are others by one are no fault', async () => {
    expect(await texts(numbered, shifted(), { layers: true })).toMatchObject({ status: 'same', layers: { culprits: [], notes: [] } });
    const twins = matchValues(parse(numbered).graph, parse(shifted()).graph);
    expect([...twins].map(([of, twin]) => `${of.name} is ${twin.name}`)).toEqual([
      'x is x',
      '3 is 2',
      '4 is 3',
      '5 is 4',
      '6 is 5',
      '7 is 6',
      'y is y',
    ]);
  });

  test('and a fault under them is found where it is', async () => {
    const v = await texts(numbered, shifted('w4', `, float[4, 4] w4 = {${numbers(16, 2.01)}}`), {
      bisect: true,
      failures: join(folder, 'shifted'),
    });
    expect([v.status, blamed(v)]).toEqual(['different', ['4']]);
    const [a, b] = ['a.onnx', 'b.onnx'].map(name => ({ path: join(folder, 'shifted', name) }));
    expect((await verify(a!, b!, { ...quick, data: [join(folder, 'shifted')], kinds: [] })).status).toBe('different');
  });

  test('weights that have changed places are two faults, and no other names', async () => {
    const named = (u: string, v: string) =>
      net(`s = Gemm (x, w1, b) t = Relu (s) u = MatMul (t, ${u}) a = Sigmoid (u) c = Relu (a) v = MatMul (c, ${v}) y = Tanh (v)`);
    const exchanged = await texts(named('w2', 'w3'), named('w3', 'w2'), { bisect: true });
    expect([exchanged.status, blamed(exchanged)]).toEqual(['different', ['u', 'v']]);
  });

  test('where all are gone, structure with other weights tells', async () => {
    const anew = net(
      'zz1 = Gemm (x, w1, b) zz2 = Relu (zz1) zz3 = MatMul (zz2, w4) zz4 = Sigmoid (zz3) zz5 = Relu (zz4) zz6 = MatMul (zz5, w3) y = Tanh (zz6)',
      `, float[4, 4] w4 = {${numbers(16, 2.01)}}`,
    );
    const v = await texts(numbered, anew, { bisect: true });
    expect([v.status, blamed(v)]).toEqual(['different', ['zz3']]);
  });
});

test('a name that stands for what a new node gives is no reason to blame, or to lose, the node before it', async () => {
  const a = net('v9 = Gemm (x, w1, b) u = Relu (v9) y = MatMul (u, w2)');
  const b = (bias: string) =>
    net(`n = MatMul (x, w1) v9 = Add (n, ${bias}) u = Relu (v9) y = MatMul (u, w2)`, `, float[4] c = {${numbers(4, 4.1)}}`);
  expect(await texts(a, b('b'), { layers: true })).toMatchObject({ status: 'same', layers: { culprits: [] } });
  const into = join(folder, 'renamed');
  const v = await texts(a, b('c'), { failures: into });
  expect([v.status, blamed(v)]).toEqual(['different', ['v9']]);
  const own = await verify({ path: join(into, 'a.onnx') }, { path: join(into, 'b.onnx') }, { ...quick, data: [into], kinds: [] });
  expect(own.status).toBe('different');
});

test('subgraphs are written under names that both sides can have', async () => {
  // Each model has its own 't' and 's', the other way round, and both start from them.
  const a = net('s = Relu (x) t = Tanh (x) u = Add (s, t) y = MatMul (u, w2)');
  const b = net('t = Relu (x) s = Tanh (x) v = Mul (s, t) u = Add (v, t) y = MatMul (u, w2)');
  const into = join(folder, 'crossed');
  const v = await texts(a, b, { failures: into });
  expect([v.status, blamed(v)]).toEqual(['different', ['u']]);
  const own = await verify({ path: join(into, 'a.onnx') }, { path: join(into, 'b.onnx') }, { ...quick, data: [into], kinds: [] });
  expect(own).toMatchObject({
    status: 'different',
    a: { inputs: [{ name: 's' }, { name: 't' }] },
    b: { inputs: [{ name: 's' }, { name: 't' }] },
  });
});

test('a fault that drowns at once is a fault', async () => {
  // A layer's scale, half as large as it should be, on a branch that adds next to nothing to the trunk.
  const scaled = (g: string) => net('t = MatMul (x, w1) l = Mul (t, g) h = Add (x, l) y = MatMul (h, w2)', `, float g = {${g}}`);
  const v = await texts(scaled('0.000001'), scaled('0.0000005'), { layers: true });
  expect([v.status, blamed(v)]).toEqual(['different', ['l']]);
});

test('what does not run is named, and what comes before it is looked at', async () => {
  const shaped = (to: string) =>
    net(`s = MatMul (x, w1) t = Reshape (s, k) u = Relu (t) y = Reshape (u, l)`, `, int64[2] k = {${to}}, int64[2] l = {3, 4}`);
  const into = join(folder, 'refused');
  const v = await texts(shaped('2, 6'), shaped('2, 5'), { failures: into });
  expect([v.status, blamed(v), v.layers!.layers.map(l => l.value)]).toEqual(['different', ['t'], ['s']]);
  expect(v.layers!.culprits[0]!.message).toMatch(/^it does not run: /);
  expect(existsSync(join(into, 'b.onnx'))).toBe(true);
});
