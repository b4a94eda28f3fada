import { afterAll, describe, expect, test } from 'vitest';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import type { Verdict } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';

const model = (text: string) => ({ bytes: encode(parse(text)) });
const runtime = new Runtime();
afterAll(() => runtime.close());
const quick = { kinds: ['normal', 'flips'], optimizations: ['disabled'] } as const satisfies VerifyOptions;
const check = (a: string, b = a, options: VerifyOptions = {}) => verify(model(a), model(b), { runtime, ...quick, ...options });
const labels = (v: Verdict) => v.inputs.map(i => i.label);
const reshaped = (sizes: string) => `g (float[N, 3, 4] x) => (float[P, Q] y) <int64[2] s = {${sizes}}> { y = Reshape (x, s) }`;

describe('sizes that a model leaves open', () => {
  test('a size that is baked in is found', async () => {
    const v = await check(reshaped('0, -1'), reshaped('2, -1'));
    expect(v).toMatchObject({
      status: 'different',
      reasons: [{ code: 'output-values', message: expect.stringContaining("'normal x:3x3x4'") }],
    });
    expect(labels(v)).toEqual(['normal', 'flips', 'normal x:3x3x4']);
  });

  test('two that are taken for one another are found', async () => {
    const turned = (perm: string) =>
      `g (float[N, M, K] x) => (float[P, Q, R] y) { s = Shape (x) t = Transpose <perm = [${perm}]> (x) y = Reshape (t, s) }`;
    const exchanged = `g (float[N, M, K] x) => (float[P, Q, R] y) <int64[3] order = {0, 2, 1}> {
      s = Shape (x) u = Gather (s, order) t = Transpose <perm = [0, 1, 2]> (x) y = Reshape (t, u) }`;
    expect((await check(turned('0, 1, 2'), exchanged)).reasons[0]?.message).toContain("another shape (input 'normal x:3x64x96')");
    expect((await check(turned('0, 1, 2'), exchanged, { shapes: { symbols: { N: 2 } } })).status).toBe('same');
  });

  test('whoever gives sizes decides alone', async () => {
    const v = await check(reshaped('0, -1'), reshaped('2, -1'), { shapes: { symbols: { N: 2 } } });
    expect(v).toMatchObject({ status: 'same', warnings: [] });
    expect(labels(v)).toEqual(['normal', 'flips']);
    // Of several, the other ones are normal.
    const others = await check(reshaped('0, -1'), undefined, { kinds: ['zeros', 'normal'], shapes: { symbols: { N: [1, 4] } } });
    expect(labels(others)).toEqual(['zeros', 'normal', 'normal x:4x3x4']);
    expect(labels(await check(reshaped('0, -1'), undefined, { kinds: ['flips'] }))).toEqual(['flips']);
  });

  test('a model need not take sizes that nobody asked for', async () => {
    const sum = 'g (float[N, M] x, float[N, K] y) => (float[N, L] z) { z = Add (x, y) }';
    const equal = await check(sum);
    expect(equal).toMatchObject({ status: 'same', warnings: [] });
    expect(labels(equal).at(-1)).toBe('normal x:3x64 y:3x64');
    const fixed = 'g (float[N, M] x) => (float[N, L] y) <float[32] w = {1}> { y = Add (x, w) }'.replace(
      '{1}',
      `{${Array(32).fill(1).join(', ')}}`,
    );
    expect(labels(await check(fixed)).at(-1)).toBe('normal x:3x32');
    const seen: [number, number][] = [];
    const baked = await check(reshaped('2, 12'), undefined, { onProgress: (done, total) => seen.push([done, total]) });
    expect(baked).toMatchObject({ status: 'same', warnings: [{ code: 'sizes-tried-once', where: 'A' }] });
    expect(baked.warnings[0]!.message).toMatch(/^only one choice of sizes was tried, as A refuses others \(normal x:3x3x4: /);
    expect(labels(baked)).toEqual(['normal', 'flips']);
    expect(seen.at(-1)![0]).toBe(seen.at(-1)![1]);
  });

  test('what is constant under other sizes, too, is told', async () => {
    const v = await check('g (float[N, 3] x) => (float[N, 3] y) { y = Sub (x, x) }');
    expect(v.warnings.map(w => w.code)).toContain('constant-output');
  });

  test('where B does not run, its sizes are not asked for', async () => {
    const product = (of: string) => `g (float[N, 3] x) => (float[N, 2] y) <int64[2] s = {${of}}, float[3, 2] w = {1, 2, 3, 4, 5, 6}> {
      r = Reshape (x, s) y = MatMul (r, w) }`;
    const v = await check(product('-1, 3'), product('2, 3'));
    expect(v).toMatchObject({ status: 'different', reasons: [{ code: 'runtime-shape' }] });
    expect(v.reasons[0]!.message).not.toContain('give');
  });
});
