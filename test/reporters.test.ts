import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { Log } from 'sarif';
import { describe, expect, test } from 'vitest';
import { type Format, formats, render } from '../src/report/reporters.ts';
import { rules } from '../src/report/rules.ts';
import { readReport } from '../src/report/schema.ts';
import type { Comparison } from '../src/verify/compare.ts';
import { type Case, type Report, reportOf } from '../src/verify/report.ts';
import { numerals } from '../src/verify/words.ts';
import { configuration, everything, hostile, large, layers, off, result, selfCheck, verdict } from './support/reports.ts';

const root = join(import.meta.dirname, '..');
const one = (v = verdict('different', [configuration([result('y', off(0.25))])])) => reportOf([{ name: 'a → b', verdict: v }]);
const sound = reportOf([{ name: 'a → b', verdict: verdict('same', [configuration([result('y'), result('z')])]) }]);

describe('every format', () => {
  test.each(formats)('%s: the same report gives the same bytes, timings aside', async format => {
    const slower = (r: Report): Report => ({
      ...r,
      cases: r.cases.map(c => ({ ...c, verdict: { ...c.verdict, timings: { total: 98_765, peakMemory: 43_210 } } })),
    });
    const text = await render(everything(), format);
    expect(await render(structuredClone(everything()), format)).toBe(text);
    const strip = (s: string) => s.replace(/"(total|peakMemory)": \d+/g, '').replace(/ time="[\d.]+"/g, '');
    expect(strip(await render(slower(everything()), format))).toBe(strip(text));
    if (format !== 'json' && format !== 'junit') expect(await render(slower(everything()), format)).toBe(text);
  });

  test.each(formats)('%s: no control character of a name gets out', async format => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(await render(everything(), format)).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]/);
  });

  test.each(formats)('%s: whatever is not the same is told, whatever the status', async format => {
    for (const status of ['different', 'inconclusive', 'unavailable', 'invalid'] as const) {
      const report = one(
        verdict(status, [], {
          reasons: [{ code: 'nothing-compared', where: 'models', message: 'the very reason' }],
          summary: `${status}: the very reason`,
        }),
      );
      expect(await render(report, format)).toContain('the very reason');
    }
  });

  test.each(formats)('%s: a report without cases, or one that was interrupted, is told', async format => {
    const told: Record<Format, readonly [RegExp, RegExp]> = {
      text: [/^inconclusive: 0 cases/, /not complete: more was to come/],
      json: [/"status": "inconclusive"/, /"complete": false/],
      junit: [/<failure/, /<error/],
      sarif: [/no case/, /more to come/],
      markdown: [/^## ⚠️ inconclusive: 0 cases/, /not complete/],
      github: [/^::error .*no case/, /^::error .*more to come/],
      html: [/Nothing was compared/, /Not complete/],
    };
    expect(await render(reportOf([]), format)).toMatch(told[format][0]);
    expect(await render({ ...sound, complete: false }, format)).toMatch(told[format][1]);
  });
});

test('every code of a finding has a rule', () => {
  const sources = readdirSync(join(root, 'src/verify'), { recursive: true, encoding: 'utf8' }).filter(f => f.endsWith('.ts'));
  const codes = sources.flatMap(f =>
    [...readFileSync(join(root, 'src/verify', f), 'utf8').matchAll(/code(?::| =) '([a-z0-9-]+)'/g)].map(m => m[1]!),
  );
  expect(codes.length).toBeGreaterThan(12);
  expect(codes.filter(code => !Object.hasOwn(rules, code))).toEqual([]);
});

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

describe('json', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const schema = (name: string) => JSON.parse(readFileSync(join(root, `schemas/${name}.schema.json`), 'utf8')) as object;
  const valid = ajv.compile(schema('report'));

  test('fits the published schema, and reads back as it was', async () => {
    for (const report of [everything(), sound, reportOf([])]) {
      const text = await render(report, 'json');
      valid(JSON.parse(text));
      expect(valid.errors).toBeNull();
      expect(readReport(text, 'r.json')).toEqual(report);
    }
    const validVerdict = ajv.compile(schema('verdict'));
    for (const { verdict: v } of everything().cases) {
      validVerdict(JSON.parse(JSON.stringify(v)));
      expect(validVerdict.errors).toBeNull();
    }
  });

  test('the schema refuses what is no report', () => {
    const json = JSON.parse(JSON.stringify(everything()));
    for (const wrong of [
      { ...json, extra: 1 },
      { ...json, cases: undefined },
      { ...json, status: 'fine' },
    ])
      expect(valid(JSON.parse(JSON.stringify(wrong)))).toBe(false);
  });

  test.each([
    ['{', /^r\.json is no report: it is not JSON$/],
    ['null', /it does not name its schema, onnx-funnel\/report@1; write one with --report json=FILE$/],
    ['{"schema": "onnx-funnel/verdict@1"}', /its schema is onnx-funnel\/verdict@1, not onnx-funnel\/report@1/],
    ['{"schema": "onnx-funnel/report@1", "status": "same", "complete": true, "cases": [{"name": 3}]}', /is no report: cases\.0\.name: /],
    ['{"schema": "onnx-funnel/report@1", "status": "same", "complete": true, "cases": [], "more": 1}', /is no report: at the top: .*more/],
  ])('%s is no report', (text, message) => {
    expect(() => readReport(text, 'r.json')).toThrow(
      expect.objectContaining({ code: 'E_REPORT', message: expect.stringMatching(message) }),
    );
  });
});

describe('junit', () => {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    isArray: name => ['testsuite', 'testcase', 'property'].includes(name),
  });
  const parse = async (report: Report) => {
    const xml = await render(report, 'junit');
    expect(XMLValidator.validate(xml)).toBe(true);
    return parser.parse(xml).testsuites;
  };

  test('a suite for each case, a test for each output; failures and errors are counted', async () => {
    const found = await parse(everything());
    expect(found.testsuite.map((s: { tests: string; failures: string; errors: string }) => [s.tests, s.failures, s.errors])).toEqual([
      ['2', '0', '0'],
      ['3', '3', '0'],
      ['1', '1', '0'],
      ['1', '1', '0'],
      ['1', '0', '1'],
      ['1', '0', '1'],
      ['1', '0', '1'],
    ]);
    expect(found).toMatchObject({ tests: '10', failures: '5', errors: '3' });
    expect(found.testsuite[0].testcase.map((t: { name: string }) => t.name)).toEqual(["cpu all: output 'y'", "cpu all: output 'z'"]);
    expect(found.testsuite[2].testcase[0].failure).toMatchObject({
      type: 'output-missing',
      message: expect.stringContaining('missing in B'),
    });
    expect(found.testsuite[4].testcase[0].error).toMatchObject({ type: 'crashed' });
    expect(found.testsuite[6].testcase[0].error).toMatchObject({ type: 'interrupted' });
  });

  test('properties say what it rests on; the only time is that of the suite', async () => {
    const { testsuite } = await parse(one());
    const properties = Object.fromEntries(testsuite[0].properties.property.map((p: { name: string; value: string }) => [p.name, p.value]));
    expect(properties).toMatchObject({
      seed: '7',
      tolerance: 'derived: float, same provider',
      onnxruntime: '1.30.0',
      b: 'models/b #1.onnx',
    });
    expect(testsuite[0].time).toBe('1.234');
    expect((await render(one(), 'junit')).match(/ time="/g)).toHaveLength(1);
    expect(testsuite[0].testcase[0].failure.message).toBe(
      "differs under 1 of 1 inputs; worst under 'normal': elements, relative-l2: relative L2 2.5e-1 (allowed 5.0e-6), max abs 2.5e-1, 10 of 1000 elements outside atol 1.0e-5, rtol 2.0e-5; worst at [0,3]: 1 became NaN",
    );
  });

  test('a verdict that is not the same is never green', async () => {
    for (const status of ['different', 'inconclusive', 'unavailable', 'invalid'] as const) {
      const { failures, errors } = await parse(one(verdict(status, [configuration([result('y')])])));
      expect(Number(failures) + Number(errors), status).toBe(1);
    }
  });
});

describe('sarif', () => {
  const schemaFile = join(
    createRequire(import.meta.url).resolve('@microsoft/jest-sarif/package.json'),
    '../lib/schemas/sarif-2.1.0-rtm.5.json',
  );
  const { $schema: _, id: __, ...schema } = JSON.parse(readFileSync(schemaFile, 'utf8')) as Record<string, unknown>;
  // It is of draft 4, whose keywords have not changed since but for the name of 'id'.
  const valid = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
  const parse = async (report: Report) => {
    const log = JSON.parse(await render(report, 'sarif')) as Log;
    valid(log);
    expect(valid.errors).toBeNull();
    return log.runs[0]!;
  };

  test('fits the official schema; rules, levels, places', async () => {
    const run = await parse(everything());
    const ids = run.tool.driver.rules!.map(r => r.id);
    for (const r of run.results!) expect(ids[r.ruleIndex!]).toBe(r.ruleId);
    const tally = (level: string) => run.results!.filter(r => r.level === level).map(r => r.ruleId);
    expect(tally('error')).toEqual([
      'output-values',
      'output-values',
      'layer-values',
      'output-missing',
      'nothing-compared',
      'runtime-crashed',
      'runtime-load',
      'interrupted',
    ]);
    expect(tally('warning')).toEqual(['cpu-fallback', 'of-tomorrow', 'unnoticed-mutation']);
    const culprit = run.results!.find(r => r.ruleId === 'layer-values')!;
    expect(culprit.locations![0]!.logicalLocations).toEqual([
      expect.objectContaining({ kind: 'node', properties: expect.objectContaining({ operator: 'Conv', pass: 'fold-batch-norm' }) }),
      expect.objectContaining({ name: 'r', fullyQualifiedName: 'r', kind: 'node' }),
    ]);
    expect(run.results!.find(r => r.ruleId === 'output-missing')!.locations![0]).toMatchObject({
      physicalLocation: { artifactLocation: { uri: 'models/b%20%231.onnx' } },
      logicalLocations: [{ name: 'q', kind: 'output' }],
    });
    await parse(sound);
    await parse(reportOf([]));
  });

  test('a finding keeps its fingerprint when its numbers change', async () => {
    const prints = async (message: string) =>
      (
        await parse(one(verdict('different', [], { reasons: [{ code: 'output-values', where: "cpu all, output 'y'", message }] })))
      ).results!.map(r => r.partialFingerprints);
    expect(await prints('off by 1')).toEqual(await prints('off by 2'));
    const all = (await parse(everything())).results!.map(r => r.partialFingerprints!.primaryLocationLineHash);
    expect(new Set(all).size).toBe(all.length);
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
