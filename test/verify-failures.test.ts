import { afterAll, describe, expect, test } from 'vitest';
import { FunnelError } from '../src/errors.ts';
import { Runtime, type Session } from '../src/runtime/session.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import type { InputSet } from '../src/verify/inputs.ts';
import { trial } from '../src/verify/trial.ts';
import { exitCodeOf } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { model, runtime } from './support/runtime.ts';
import { check, relu } from './support/verify.ts';

afterAll(() => runtime.close());

describe('runs that fail', () => {
  const forever = `g (float x) => (float y) <int64 n = {1000000000000}> {
    y = Loop (n, , x) <body = b (int64 i, bool c, float v) => (bool c2, float v2) { c2 = Identity (c) v2 = Add (v, v) }> }`;

  test('time out: unavailable', async () => {
    const v = await check(forever, forever, { runtime: { timeout: 5000 } });
    expect(v).toMatchObject({ status: 'unavailable', reasons: [{ code: 'runtime-timeout' }] });
    expect(exitCodeOf(v)).toBe(3);
  });

  test('a process that has ended takes nothing with it: a session is opened anew, between two inputs too', async () => {
    const shared = new Runtime();
    const session = await shared.open(model(relu));
    const sets = ['first', 'second'].map(
      (label): InputSet => ({
        label,
        source: 'given',
        feeds: () => ({ x: Tensor.of('float', [1, 3], [1, -1, 2]) }),
      }),
    );
    const seen: string[] = [];
    const visit = async (s: Session, set: InputSet) => {
      seen.push(`${set.label} ${(await s.run(set.feeds())).y!.numbers()}`);
      if (set.label === 'first') await shared.close();
    };
    expect(session.isOpen).toBe(true);
    await shared.close();
    expect(session.isOpen).toBe(false);
    const where = { provider: 'cpu', optimization: 'disabled', threads: 1 } as const;
    const { failure } = await trial(shared, { role: 'b', source: model(relu) }, where, sets, visit, session);
    await shared.close();
    expect([failure, seen]).toEqual([undefined, ['first 1,0,2', 'second 1,0,2']]);
  });

  test('a provider that is not there: unavailable, with a remedy', async () => {
    const missing = process.platform === 'linux' ? 'coreml' : 'tensorrt';
    const v = await check(relu, relu, { providers: ['cpu', missing] });
    expect(v).toMatchObject({ status: 'unavailable', reasons: [{ code: 'runtime-provider', message: expect.stringContaining('use') }] });
    expect(v.configurations.map(c => c.status)).toEqual(['same', 'same', 'unavailable']);
  });

  test('no kernel for the element type: unavailable', async () => {
    const conv =
      'g (double[1, 1, 3, 3] x) => (double[1, 1, 1, 1] y) <double[1, 1, 3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}> { y = Conv (x, w) }';
    const v = await check(conv, conv);
    expect(v).toMatchObject({ status: 'unavailable', reasons: [{ code: 'runtime-not-implemented' }, {}] });
  });

  test('no model: invalid', async () => {
    const v = await verify(model(relu), { bytes: new Uint8Array([1, 2, 3]) });
    expect(v).toMatchObject({ status: 'invalid', reasons: [{ code: 'runtime-load', where: 'B' }] });
    expect(exitCodeOf(v)).toBe(2);
  });

  test('sizes that A does not take: invalid, with advice', async () => {
    const sized = 'g (float[N] x) => (float[3, 5] y) <int64[2] s = {3, 5}> { y = Reshape (x, s) }';
    expect(await check(sized, sized)).toMatchObject({ status: 'invalid', reasons: [{ message: expect.stringContaining('give sizes') }] });
    expect((await check(sized, sized, { shapes: { symbols: { N: 15 } } })).status).toBe('same');
  });

  test('B fails where A runs: different', async () => {
    const flat = (shape: string) => `g (float[N, 3] x) => (float[M, 3] y) <int64[2] s = {${shape}}> { y = Reshape (x, s) }`;
    expect(await check(flat('-1, 3'), flat('1, 3'))).toMatchObject({
      status: 'different',
      configurations: [{ failures: [{ model: 'b', category: 'shape' }] }, {}],
    });
  });

  test('wrong use throws', async () => {
    const wrong: VerifyOptions[] = [
      { providers: ['gpu'] },
      { exclude: ['nothing'] },
      { tolerances: { outputs: { nothing: { atol: 1 } } } },
      { shapes: { symbols: { M: 1 } } },
      { shapes: { inputs: { x: [1, 4] } } },
    ];
    for (const options of wrong) {
      const error = await check(relu, relu, options).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(FunnelError);
      expect(error).toMatchObject({ code: 'E_USAGE' });
    }
  });
});
