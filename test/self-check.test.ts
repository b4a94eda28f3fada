import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { parse } from '../src/text/parse.ts';
import { check, texts } from './support/layers.ts';
import { runtime } from './support/runtime.ts';

afterAll(() => Promise.all([runtime.close(), closeFactRuntime()]));

const tiny = () => parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));

describe('self-check', () => {
  test('breaks B and sees it', async () => {
    const v = await check(tiny(), tiny(), { selfCheck: true });
    expect(v.status).toBe('same');
    expect(v.selfCheck!.mutations.map(m => m.kind)).toEqual([
      'activation-dropped',
      'last-activation-dropped',
      'weight-perturbed',
      'last-weight-perturbed',
    ]);
    expect(v.selfCheck!.detected).toBe(4);
  });

  test('a comparison that can not fail is no verdict', async () => {
    const dead = 'g (float[2, 3] x) => (float[2, 3] y) <float z = {0.0}> { r = Relu (x) y = Mul (r, z) }';
    const v = await texts(dead, dead.replace('{0.0}', '{0.0}'), { selfCheck: true, tolerances: { atol: 1e9 } });
    expect(v).toMatchObject({ status: 'inconclusive', same: false });
    expect(v.reasons.map(r => r.code)).toEqual(['powerless']);
  });

  test('uniform inputs can not tell a Relu from an Identity: the check says so', async () => {
    const relu = 'g (float[2, 3] x) => (float[2, 3] y) <float[3] w = {1.0, -2.0, 0.5}> { r = Relu (x) y = Mul (r, w) }';
    const v = await texts(relu, relu, { selfCheck: true, kinds: ['uniform'] });
    expect(v.status).toBe('same');
    expect(v.warnings.map(w => [w.code, w.where])).toEqual([['unnoticed-mutation', "self-check, node 'r'"]]);
  });

  test('inputs and operands are exchanged', async () => {
    const two = 'g (float[2, 3] a, float[2, 3] b) => (float[2, 3] y) { y = Sub (a, b) }';
    const v = await texts(two, two, { selfCheck: true });
    expect(v.selfCheck!.mutations.map(m => [m.kind, m.detected])).toEqual([
      ['operands-swapped', true],
      ['inputs-swapped', true],
    ]);
  });

  test('with nothing to break says so', async () => {
    const v = await texts('g (float[3] x) => (float[3] y) { y = Neg (x) }', 'g (float[3] x) => (float[3] y) { y = Neg (x) }', {
      selfCheck: true,
    });
    expect([v.status, v.warnings.map(w => w.code)]).toEqual(['same', ['self-check-impossible']]);
  });
});
