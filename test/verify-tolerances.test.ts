import { afterAll, describe, expect, test } from 'vitest';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { model, runtime } from './support/runtime.ts';

afterAll(() => runtime.close());

type Source = ReturnType<typeof model>;
const check = (options: VerifyOptions, a: Source, b: Source) => verify(a, b, { runtime, optimizations: ['disabled'], ...options });

describe('tolerances and rankings', () => {
  const two = (a: string, b: string) =>
    model(
      `g (float[N, 4] x) => (float[N, 4] y, float[N, 4] z) <float[4] c = {${a}}, float[4] d = {${b}}> { y = Add (x, c) z = Add (x, d) }`,
    );
  const zero = '0.0, 0.0, 0.0, 0.0';
  const data = [[{ feeds: { x: { dims: [2, 4], data: [1, 2, 3, 4, 4, 3, 2, 1] } } }]];

  test('by output, beside one for all', async () => {
    const [a, b] = [two(zero, zero), two('0.1, 0.0, 0.0, 0.0', '0.001, 0.0, 0.0, 0.0')];
    const status = async (tolerances: VerifyOptions['tolerances']) =>
      (await check({ data, tolerances: { rtol: 0, ...tolerances } }, a, b)).status;
    expect(await status({ atol: 0.01 })).toBe('different');
    expect(await status({ atol: 0.01, outputs: { y: { atol: 0.11 } } })).toBe('same');
    expect(await status({ atol: 0.11, outputs: { z: { atol: 1e-4 } } })).toBe('different');
    expect(await status({ atol: 0.01, outputs: { y: { rtol: 0.11 } } })).toBe('same');
  });

  test('what would have passed is said, and passes', async () => {
    const [a, b] = [two(zero, zero), two('0.123456, 0.0, 0.0, 0.0', zero)];
    const v = await check({ data }, a, b);
    const atol = Number(/an atol of (\S+) would have passed/.exec(v.reasons[0]!.message)?.[1]);
    expect(atol).toBeGreaterThan(0.1);
    expect((await check({ data, tolerances: { atol } }, a, b)).status).toBe('same');
    expect((await check({ data, tolerances: { atol: atol * 0.9 } }, a, b)).status).toBe('different');
  });

  test('the worst input is told of, and one that is wrong in another way', async () => {
    const [a, b] = [two(zero, zero), two('0.0, 0.0, 1.5, 0.0', zero)];
    const set = (...values: readonly number[]) => ({ feeds: { x: { dims: [1, 4], data: values } } });
    const v = await check(
      { data: [[set(9, 8, 0, 0), set(0, 0, 19, 20)]], topK: [1], minAgreement: 1, tolerances: { atol: 1, rtol: 0 } },
      a,
      b,
    );
    const told = v.reasons[0]!.message;
    expect(told).toMatch(/^1 of 4 elements outside the tolerance; .*; and .*as rankings they agree only to 0 % for k = 1/);
    expect(told).not.toContain('would have passed');
    const plain = await check({ data: [[set(9, 8, 0.25, 0), set(9, 8, 30, 0)]], tolerances: { atol: 1 } }, a, b);
    expect(plain.reasons[0]!.message).toContain('worst at [0,2]: 0.25 became 1.75');
    expect(plain.reasons[0]!.message).toMatch(/an atol of 1\.5e\+0 would have passed under all inputs$/);
  });

  test('rankings are counted; they decide where an agreement is asked for', async () => {
    const [a, b] = [two(zero, zero), two('0.0, 0.0, 1.5, 0.0', zero)];
    const given = { data, topK: [1, 2], tolerances: { atol: 9 } };
    const v = await check(given, a, b);
    expect(v.status).toBe('same');
    expect(v.configurations[0]!.results.map(r => r.comparison.topK)).toEqual([
      [
        { k: 1, agreement: 0.5 },
        { k: 2, agreement: 0.75 },
      ],
      [
        { k: 1, agreement: 1 },
        { k: 2, agreement: 1 },
      ],
    ]);
    expect((await check({ ...given, minAgreement: 0.5 }, a, b)).status).toBe('same');
    const refused = await check({ ...given, minAgreement: 0.6 }, a, b);
    expect(refused.status).toBe('different');
    expect(refused.reasons[0]!.message).toMatch(/as rankings they agree only to 50 % for k = 1, to 75 % for k = 2/);
  });
});
