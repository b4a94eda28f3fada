import { onnx } from 'onnx-proto';
import { afterAll, describe, expect, test } from 'vitest';
import { exitCodeOf } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { model, runtime } from './support/runtime.ts';
import { check } from './support/verify.ts';

afterAll(() => runtime.close());

const webgpu = await runtime.probe('webgpu');
if (!webgpu.available) console.warn(`NOT TESTED: webgpu is not available (${webgpu.why}); ${webgpu.remedy}`);

describe.runIf(webgpu.available)('webgpu', () => {
  const conv = (k: string) =>
    `g (float[1, 1, 3, 3] x) => (float[1, 1, 1, 1] y) <float[1, 1, 3, 3] w = {1, 2, 3, 4, ${k}, 6, 7, 8, 9}> { c = Conv (x, w) y = Relu (c) }`;
  const options = { providers: ['webgpu'], kinds: ['uniform', 'normal'] } as const satisfies VerifyOptions;

  test('compares across providers, and says on which adapter and how many nodes', async () => {
    const v = await check(conv('5'), conv('5'), options);
    expect(v.status).toBe('same');
    expect(v.configurations[0]).toMatchObject({ provider: 'webgpu', optimization: 'all', adapter: expect.stringMatching(/adapter/) });
    expect(v.configurations[0]!.placement.b?.nodes.WebGpuExecutionProvider).toBeGreaterThan(0);
    expect((await check(conv('5'), conv('5.5'), options)).status).toBe('different');
  });

  test('a crash of A takes nothing of B with it: what differs elsewhere is told', async () => {
    const crashing = onnx.ModelProto.decode(model(conv('5')).bytes);
    crashing.graph!.node![0]!.input!.push('');
    const a = { bytes: onnx.ModelProto.encode(crashing).finish() };
    const both = { ...options, providers: ['cpu', 'webgpu'], optimizations: ['disabled'] } as const;
    const v = await verify(a, model(conv('5.5')), both);
    expect(v.configurations.map(c => [c.provider, c.status, ...c.failures.map(f => [f.model, f.kind])])).toEqual([
      ['cpu', 'different'],
      ['webgpu', 'unavailable', ['a', 'crashed']],
    ]);
    expect([v.status, v.reasons.map(r => r.code)]).toEqual(['different', ['output-values', 'runtime-crashed']]);
    expect((await verify(a, model(conv('5')), both)).configurations[0]).toMatchObject({ status: 'same', failures: [] });
  });

  test('a crash of the runtime becomes a verdict', async () => {
    const proto = onnx.ModelProto.decode(model(conv('5')).bytes);
    proto.graph!.node![0]!.input!.push('');
    const v = await verify(model(conv('5')), { bytes: onnx.ModelProto.encode(proto).finish() }, options);
    expect(v).toMatchObject({ status: 'unavailable', reasons: [{ code: 'runtime-crashed' }] });
    expect(exitCodeOf(v)).toBe(3);
  });
});
