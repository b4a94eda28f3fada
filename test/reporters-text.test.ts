import { describe, expect, test } from 'vitest';
import { render } from '../src/report/reporters.ts';
import type { Comparison } from '../src/verify/compare.ts';
import { type Case, reportOf } from '../src/verify/report.ts';
import { numerals } from '../src/verify/words.ts';
import { configuration, everything, hostile, large, layers, off, one, result, selfCheck, sound, verdict } from './support/reports.ts';

describe('text', () => {
  test('one case is its verdict; of several the first line counts, and those that are not the same are told in full', async () => {
    expect(await render(sound, 'text')).toMatch(/^same: as it is\n/);
    const text = await render(everything(), 'text');
    expect(text).toMatch(/^invalid: 6 cases, 2 different, 1 inconclusive, 1 invalid, 1 same, 1 unavailable \(part 1 of 3\); not complete/);
    expect(text.split('\n')[1]).toBe('  ✓ fine  same: as it is');
    expect(text.match(/^fine$/m)).toBeNull();
    expect(text).toMatch(/^edges$/m);
    expect(await render(everything(), 'text', { detail: true })).toMatch(/^fine$/m);
  });

  test('where no element is a number on both sides, statistics are not said to be zero', async () => {
    const none = {
      relativeL2: 0,
      maxAbs: 0,
      p99Abs: 0,
      maxUlp: 0,
      snrDb: 'Infinity',
      elements: 20,
      violations: 20,
      reasons: ['nan'],
    } as const;
    const row = (c: Comparison) => render(one(verdict('different', [configuration([result('y', c)])])), 'text');
    expect(await row({ ...off(0.25), ...none })).toMatch(/normal +– +5\.0e-6 +– +– +– +– +20 of 20 +nan$/m);
    expect(await row({ ...off(0.25), ...none, violations: 10 })).toMatch(/normal +0 +5\.0e-6 +0 +0 +0 +∞ +10 of 20 +nan$/m);
  });

  test('values have the digits that tell them from their neighbours', () => {
    expect(numerals(Math.fround(0.1), Math.fround(-1.9780062437057495), 3)).toEqual(['0.1', '-1.9780062', '3']);
    expect(numerals(0.1, 1 / 3)).toEqual(['0.1', '0.3333333333333333']);
    const [x, next] = [16777216, 16777218];
    expect(numerals(x, next, 'NaN', 'a word')).toEqual(['16777216', '16777218', 'NaN', 'a word']);
  });

  test('warnings of a case that is the same are not kept for those who ask for details', async () => {
    const warned = (...codes: readonly string[]) => {
      const warnings = codes.map(code => ({ code, where: 'self-check', message: 'nobody noticed' }));
      return { name: 'weak', verdict: { ...verdict('same', [configuration([result('y')])]), warnings } };
    };
    const lines = async (one: Case) => (await render(reportOf([one, { ...one, name: 'another' }]), 'text')).split('\n').slice(1, 6);
    expect((await lines(warned('unnoticed-mutation', 'software-adapter'))).slice(0, 3)).toEqual([
      '  ✓ weak  same: as it is',
      '    ! self-check: nobody noticed [unnoticed-mutation]',
      '  ✓ another  same: as it is',
    ]);
    expect((await lines(warned(...Array(5).fill('unnoticed-mutation')))).at(-1)).toBe('    2 more; --detail lists all');
  });

  test('layers: where it goes wrong first, then what differs; a self-check: how much it saw', async () => {
    const text = await render(one(verdict('different', [], { layers: layers(100), selfCheck })), 'text');
    expect(text).toMatch(/layers on cpu disabled, input normal: 100 values in common, 10 different/);
    expect(text).toMatch(/✗ first wrong at v9, computed by Conv \/v9\/conv \(fold-batch-norm of \/v9\/bn\)\n +with Relu r\n +in A: Conv/);
    expect(text).toContain('80 more values; --detail lists all');
    expect(text).toMatch(/self-check: 1 of 2 mutations of B detected\n/);
    expect(text).not.toContain('weight-perturbed');
    expect(await render(one(verdict('different', [], { layers: layers(100), selfCheck })), 'text', { detail: true })).toMatch(
      /✓ weight-perturbed at .*\n {2}! activation-dropped at /,
    );
  });
});

describe('markdown', () => {
  test('the verdict comes first, and names are but names', async () => {
    const text = await render(everything(), 'markdown');
    expect(text).toMatch(/^## ❌ invalid: 6 cases, 2 different/);
    expect(text).not.toMatch(/<script|@user|\*_x_|\]\(b\)|\|`/);
    expect(text.match(/<details>/g)).toHaveLength(text.match(/<\/details>/g)!.length);
    for (const line of text.split('\n').filter(l => l.startsWith('|'))) expect(line.endsWith('|'), line).toBe(true);
    const cells = (line: string) => line.split('|').length;
    for (const block of text.split(/\n\s*\n/).map(b => b.split('\n').filter(l => l.startsWith('|'))))
      expect(new Set(block.map(cells)).size).toBeLessThanOrEqual(1);
  });

  test('ten thousand values have room in a comment, and what is left out is counted', async () => {
    for (const report of [large(10, 1000), large(1000, 10), large(1, 10_000)]) {
      const text = await render(report, 'markdown');
      expect(Buffer.byteLength(text)).toBeLessThan(65_536);
      expect(text).toMatch(/\d+ more rows left out/);
      expect(text.match(/<details>/g) ?? []).toHaveLength((text.match(/<\/details>/g) ?? []).length);
    }
    expect(await render(large(1000, 10), 'markdown')).toMatch(/\d+ more cases have no room here/);
    const long = reportOf(Array.from({ length: 300 }, (_, i) => ({ name: `${i}${hostile.repeat(100)}`, verdict: verdict('same') })));
    expect(Buffer.byteLength(await render(long, 'markdown'))).toBeLessThan(65_536);
  });
});

describe('github', () => {
  test('commands that no name can break', async () => {
    const lines = (await render(everything(), 'github')).trimEnd().split('\n');
    expect(lines.length).toBe(11);
    for (const line of lines) expect(line).toMatch(/^::(error|warning|notice) title=[^:,]+(,file=[^:,]+)?::/);
    expect(lines.filter(l => l.startsWith('::error'))).toHaveLength(8);
    expect(lines[0]).toContain('%250A%3A%3Aerror%3A%3A%2C%3A@user');
    expect(lines[0]).toMatch(/,file=models\/b #1\.onnx::cpu all, output '/);
  });

  test('what passes made is no file: their model is', async () => {
    const of = { ...one(), cases: one().cases.map(c => ({ ...c, passes: [] })) };
    expect(await render(of, 'github')).toContain(',file=models/a.onnx::');
    expect(await render(of, 'sarif')).toContain('"uri": "models/a.onnx"');
  });

  test('no more than ten of a level: the rest is counted', async () => {
    const lines = (await render(large(1, 1000), 'github')).trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[9]).toBe('::error title=onnx-funnel::92 more errors, which GitHub would not show');
    expect(await render(sound, 'github')).toBe('');
  });
});
