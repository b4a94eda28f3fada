import { describe, expect, test } from 'vitest';
import { applyBaseline } from '../src/verify/budget.ts';
import type { Comparison } from '../src/verify/compare.ts';
import { baselineOf, emptyBaseline, readBaseline } from '../src/verify/known-drift.ts';
import type { ConfigurationResult, Verdict } from '../src/verify/verdict.ts';
import { blame, configuration, layers, off, result, verdict } from './support/reports.ts';

const failing = (comparison: Comparison, more: Partial<ConfigurationResult> = {}) =>
  verdict('different', [configuration([result('y', comparison), result('z')], more)]);
const known = (v: Verdict, name = 'a') => baselineOf([{ name, verdict: v }]);
const budget = known(failing(off(0.1)));
const codes = (v: Verdict) => [v.status, ...v.reasons.map(r => r.code), ...v.warnings.map(w => w.code)];

describe('known drift', () => {
  test('within its budget counts as the same, and is told', () => {
    const before = failing(off(0.104));
    const after = applyBaseline(before, 'a', budget);
    expect(codes(after)).toEqual(['same', 'within-budget']);
    expect(after).toMatchObject({
      same: true,
      configurations: [{ status: 'same', identical: false, results: [{ comparison: { same: true, reasons: [] } }, {}] }],
    });
    expect(after.summary).toBe('same: 2 outputs, 2 inputs, 1 configuration, known drift in 1');
    expect(after.warnings[0]).toMatchObject({
      where: "cpu all, output 'y'",
      message: expect.stringMatching(/relative L2 0\.104 of 0\.105.*\(input 'normal'\)/),
    });
    expect(before.status).toBe('different');
  });

  test.each([
    ['relative L2', { relativeL2: 0.106 }, /relative L2 was 0\.100 and is 0\.106, up to 0\.105 is accepted/],
    ['the largest difference', { maxAbs: 0.106 }, /max abs was 0\.100 and is 0\.106/],
    ['the atol it takes', { requiredAtol: 0.106 }, /required atol was 0\.100 and is 0\.106/],
    ['the number of elements', { violations: 12 }, /elements outside was 10 and is 12, up to 11 is accepted/],
  ])('may not grow in %s', (_, more, message) => {
    const after = applyBaseline(failing(off(0.1, more)), 'a', budget);
    expect(codes(after)).toEqual(['different', 'over-budget']);
    expect(after.reasons[0]!.message).toMatch(message);
    expect(after.summary).toContain('known drift has grown');
    expect(after.configurations[0]).toMatchObject({ status: 'different', results: [{ comparison: { same: false } }, {}] });
  });

  test('noise is no growth: five percent, and the tolerance', () => {
    const tiny = known(failing(off(1e-6)));
    expect(applyBaseline(failing(off(5.9e-6)), 'a', tiny).status).toBe('same');
    expect(applyBaseline(failing(off(6.2e-6)), 'a', tiny).status).toBe('different');
  });

  test('what shrank, or went, can be lowered', () => {
    expect(codes(applyBaseline(failing(off(0.05)), 'a', budget))).toEqual(['same', 'within-budget', 'baseline-smaller']);
    const gone = applyBaseline(verdict('same', [configuration([result('y'), result('z')])]), 'a', budget);
    expect(codes(gone)).toEqual(['same', 'baseline-smaller']);
    expect(gone.warnings[0]!.message).toMatch(/^nothing differs any more under 'normal'/);
  });

  test.each([
    ['NaN', off(0.1, { reasons: ['nan', 'elements'] })],
    ['infinity', off(0.1, { reasons: ['infinity'], requiredAtol: 'Infinity' })],
    ['another shape', off(0.1, { reasons: ['shape'], maxAbs: 'NaN', relativeL2: 'NaN', requiredAtol: 'NaN' })],
    ['another type', off(0.1, { reasons: ['dtype'], maxAbs: 'NaN', relativeL2: 'NaN', requiredAtol: 'NaN' })],
    ['strings, or integers too large to measure', off(0.1, { reasons: ['elements'], maxAbs: 0, relativeL2: 0 })],
  ])('%s has no budget', (_, comparison) => {
    expect(known(failing(comparison)).entries).toEqual([]);
    expect(codes(applyBaseline(failing(comparison), 'a', budget))).toEqual(['different', 'output-values']);
  });

  test('edges that differ and runs that fail stay what they are', () => {
    const missing = { code: 'output-missing', where: "output 'q'", message: 'is missing in B' };
    const v = failing(off(0.1));
    expect(codes(applyBaseline({ ...v, reasons: [missing, ...v.reasons] }, 'a', budget))).toEqual([
      'different',
      'output-missing',
      'within-budget',
    ]);
    const failed = (kind: 'error' | 'timeout') =>
      applyBaseline(failing(off(0.1), { failures: [{ model: 'b', input: 'flips', kind, category: 'other', message: 'oh' }] }), 'a', budget);
    expect(failed('error')).toMatchObject({ status: 'different', configurations: [{ status: 'different' }] });
    expect(failed('timeout')).toMatchObject({ status: 'unavailable', same: false, configurations: [{ status: 'unavailable' }] });
    expect(failed('timeout').reasons.map(r => r.code)).toEqual(['runtime-timeout']);
    for (const status of ['invalid', 'inconclusive', 'unavailable'] as const)
      expect(applyBaseline({ ...v, status, same: false }, 'a', budget).status).toBe(status);
  });

  test('nodes to blame are accepted with the drift they explain, and never without it', () => {
    const found = layers(10);
    const at = { provider: found.provider, optimization: found.optimization };
    const blamed = (v: Verdict): Verdict => ({
      ...v,
      status: 'different',
      same: false,
      reasons: [...v.reasons, ...blame(found)],
      layers: found,
    });
    const drifting = blamed(failing(off(0.1), at));
    const accepts = known(drifting);
    expect(codes(applyBaseline(drifting, 'a', accepts))).toEqual(['same', 'within-budget', 'layer-values']);
    // Outputs agree, and a node computes something else: no output has a budget that it could have used.
    const quiet = blamed(verdict('same', [configuration([result('y'), result('z')], at)]));
    expect(codes(applyBaseline(quiet, 'a', accepts))).toEqual(['different', 'layer-values', 'baseline-smaller']);
    expect(codes(applyBaseline(quiet, 'b', accepts))).toEqual(['different', 'layer-values', 'baseline-unmatched']);
    // The drift is that of another input, or of another configuration.
    expect(codes(applyBaseline({ ...drifting, layers: { ...found, input: 'flips' } }, 'a', accepts))).toContain('layer-values');
    expect(applyBaseline({ ...drifting, layers: { ...found, input: 'flips' } }, 'a', accepts).status).toBe('different');
    expect(applyBaseline(blamed(failing(off(0.1))), 'a', budget).status).toBe('different');
    // It has grown.
    expect(codes(applyBaseline(blamed(failing(off(0.2), at)), 'a', accepts))).toEqual(['different', 'over-budget', 'layer-values']);
  });

  test('a budget about as large as the output is told', () => {
    const wide = failing(off(0.9));
    expect(codes(applyBaseline(wide, 'a', known(wide)))).toEqual(['same', 'within-budget', 'budget-too-wide']);
  });

  test('a random output has no budget, and none makes it the same', () => {
    const random = { ...result('z', off(0.1)), random: true as const };
    const v = verdict('different', [configuration([result('y', off(0.1)), random])]);
    expect(known(v).entries.map(e => e.output)).toEqual(['y']);
    const after = applyBaseline(v, 'a', known(v));
    expect(codes(after)).toEqual(['inconclusive', 'random-output', 'within-budget']);
    expect(after.summary).toMatch(/^inconclusive: output 'z': A gives other values/);
  });

  test('one budget does not pay for another comparison', () => {
    const both = verdict('different', [configuration([result('y', off(0.1)), result('z', off(0.1))])]);
    expect(codes(applyBaseline(both, 'a', budget))).toEqual(['different', 'output-values', 'within-budget']);
    const elsewhere = failing(off(0.1), { provider: 'webgpu' });
    expect(codes(applyBaseline(elsewhere, 'a', budget))).toEqual(['different', 'output-values', 'baseline-unmatched']);
    const flips = verdict('different', [configuration([result('y', off(0.1), 'flips')])]);
    expect(codes(applyBaseline(flips, 'a', budget))).toEqual(['different', 'output-values', 'baseline-unmatched']);
  });

  test('a baseline of other inputs, or of another case, accepts nothing and is told', () => {
    const v = failing(off(0.1));
    const reseeded = { ...v, inputs: v.inputs.map(i => ({ ...i, sha256: 'f'.repeat(64) })) };
    expect(codes(applyBaseline(reseeded, 'a', budget))).toEqual(['different', 'output-values', 'baseline-unmatched']);
    const other = applyBaseline(v, 'b', budget);
    expect(codes(other)).toEqual(['different', 'output-values', 'baseline-unmatched']);
    expect(other.warnings[0]!.message).toBe("it has no entry for 'b'");
    expect(applyBaseline(v, 'a', emptyBaseline)).toEqual(v);
  });

  test('an output that is zero in the reference is measured by its size', () => {
    const zero = known(failing(off(0.1, { relativeL2: 'Infinity' })));
    expect(applyBaseline(failing(off(0.1, { relativeL2: 'Infinity' })), 'a', zero).status).toBe('same');
    expect(applyBaseline(failing(off(0.2, { relativeL2: 'Infinity' })), 'a', zero).status).toBe('different');
    expect(applyBaseline(failing(off(0.1, { relativeL2: 'Infinity' })), 'a', budget).status).toBe('different');
  });
});

describe('a baseline file', () => {
  test('is sorted, reads back, and keeps what was not run', () => {
    const gpu = baselineOf([{ name: 'b', verdict: failing(off(0.3), { provider: 'webgpu' }) }], budget);
    expect(gpu.entries.map(e => [e.case, e.provider])).toEqual([
      ['a', 'cpu'],
      ['b', 'webgpu'],
    ]);
    expect(readBaseline(JSON.stringify(gpu), 'f')).toEqual(gpu);
    const lowered = baselineOf([{ name: 'a', verdict: failing(off(0.01)) }], gpu);
    expect(lowered.entries.map(e => [e.case, e.maxAbs])).toEqual([
      ['a', 0.01],
      ['b', 0.3],
    ]);
    expect(baselineOf([{ name: 'a', verdict: verdict('same', [configuration([result('y')])]) }], gpu).entries.map(e => e.case)).toEqual([
      'b',
    ]);
    expect(baselineOf([{ name: 'a', verdict: verdict('invalid') }], gpu)).toEqual(gpu);
  });

  test.each([
    ['[', /^f is no baseline: it is not JSON; --update-baseline writes one$/],
    ['{"schema": "onnx-funnel/report@1", "entries": []}', /^f is no baseline: schema: /],
    [JSON.stringify({ ...budget, entries: [{ ...budget.entries[0], maxAbs: -1 }] }), /entries\.0\.maxAbs: /],
    [JSON.stringify({ ...budget, entries: [{ ...budget.entries[0], sha256: 'x' }] }), /entries\.0\.sha256: must be a SHA-256/],
    [
      JSON.stringify({ ...budget, entries: [budget.entries[0], budget.entries[0]] }),
      /two entries for cpu all, output 'y', input 'normal' of a/,
    ],
  ])('%s is none', (text, message) => {
    expect(() => readBaseline(text, 'f')).toThrow(expect.objectContaining({ code: 'E_BASELINE', message: expect.stringMatching(message) }));
  });
});
