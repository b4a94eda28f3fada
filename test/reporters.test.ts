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
import { type Report, reportOf } from '../src/verify/report.ts';
import { configuration, everything, one, result, sound, verdict } from './support/reports.ts';

const root = join(import.meta.dirname, '..');

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
