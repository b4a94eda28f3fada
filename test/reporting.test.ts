import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { XMLValidator } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readReport } from '../src/report/schema.ts';
import { runFunnel, type Settings } from './support/cli.ts';

/** Reports and baselines as CI meets them: files, standard output, an exit code. */
const root = join(import.meta.dirname, '..');
let folder: string;
const at = (name: string) => join(folder, name);
const read = (name: string) => readFileSync(at(name), 'utf8');
const quick = ['--inputs', 'normal', '--optimization', 'disabled'];
const verify = (args: readonly string[], settings: Omit<Settings, 'cwd'> = {}) =>
  runFunnel(['verify', ...args, ...quick], { cwd: folder, env: { GITHUB_STEP_SUMMARY: '' }, ...settings });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'funnel-reports-'));
  const model = (op: string) => `<ir_version: 8, opset_import: ["" : 17]>\ng (float[N, 3] x) => (float[N, 3] y) { y = ${op} (x) }`;
  for (const op of ['Relu', 'Identity', 'Abs']) writeFileSync(at(`${op}.onnxtxt`), model(op));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schema = (name: string) =>
  new Ajv2020({ allowUnionTypes: true }).compile(JSON.parse(readFileSync(join(root, `schemas/${name}.schema.json`), 'utf8')));

describe('reports', () => {
  test('several at once, beside the answer', async () => {
    const reports = ['text=r.txt', 'json=r.json', 'junit=r.xml', 'sarif=r.sarif', 'markdown=r.md', 'github=r.log'];
    const { code, stdout, stderr } = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', ...reports.flatMap(r => ['--report', r])]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^different: cpu disabled, output 'y'/);
    expect(read('r.txt')).toBe(stdout);
    const valid = schema('report');
    valid(JSON.parse(read('r.json')));
    expect(valid.errors).toBeNull();
    expect(readReport(read('r.json'), 'r.json')).toMatchObject({
      status: 'different',
      cases: [{ name: 'Relu.onnxtxt → Identity.onnxtxt', diff: { same: false, nodes: { changed: [{ op: 'Identity' }] } } }],
    });
    expect(XMLValidator.validate(read('r.xml'))).toBe(true);
    expect(JSON.parse(read('r.sarif'))).toMatchObject({
      version: '2.1.0',
      runs: [{ results: [{ ruleId: 'output-values', level: 'error' }] }],
    });
    expect(read('r.md')).toMatch(/^## ❌ different/);
    expect(read('r.log')).toMatch(/^::error title=.*,file=Identity\.onnxtxt::cpu disabled, output 'y'/);
  });

  test('one on standard output takes the place of the text', async () => {
    const { code, stdout, stderr } = await verify(['Relu.onnxtxt', 'Relu.onnxtxt', '--report', 'json=-', '--report', 'text=t.txt']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readReport(stdout, '-').status).toBe('same');
    expect(read('t.txt')).toMatch(/^same/);
  });

  test('at home on GitHub: the step summary is added to, commands are among the log', async () => {
    writeFileSync(at('summary.md'), '# before\n');
    const env = { GITHUB_STEP_SUMMARY: at('summary.md') };
    const { code, stdout } = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', '--report', 'markdown', '--report', 'github'], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^::error .*\n(::.*\n)*different: /);
    expect(read('summary.md')).toMatch(/^# before\n## ❌ different/);
  });

  test('the same seed gives the same report, byte for byte, timings aside', async () => {
    const strip = (s: string) => s.replace(/"(total|peakMemory)": \d+/g, '').replace(/ time="[\d.]+"/g, '');
    for (const n of [1, 2]) {
      const reports = ['json', 'junit', 'sarif', 'markdown', 'github', 'text'].flatMap(f => ['--report', `${f}=${n}.${f}`]);
      await verify(['Relu.onnxtxt', 'Identity.onnxtxt', '--seed', '5', ...reports]);
    }
    for (const f of ['json', 'junit', 'sarif', 'markdown', 'github', 'text']) expect(strip(read(`1.${f}`)), f).toBe(strip(read(`2.${f}`)));
  });

  test('a question without an answer is reported too', async () => {
    writeFileSync(
      at('sized.onnxtxt'),
      '<ir_version: 8, opset_import: ["" : 17]>\ng (float[N] x) => (float[3, 5] y) <int64[2] s = {3, 5}> { y = Reshape (x, s) }',
    );
    const { code, stdout } = await verify(['sized.onnxtxt', 'sized.onnxtxt', '--report', 'junit=sized.xml', '--report', 'json=sized.json']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(readReport(read('sized.json'), 'sized.json').status).toBe('invalid');
    expect(read('sized.xml')).toMatch(/tests="1" failures="0" errors="1"[\s\S]*<error message="A under &apos;normal&apos;: /);
  });
});

describe('reports that can not be written', () => {
  test.each([
    [['--report', 'jnuit=x.xml'], /^funnel: unknown format of reports 'jnuit'; did you mean 'junit'\?\n$/],
    [['--report', 'junit'], /It has no path: junit=FILE, or junit=- for standard output/],
    [['--report', 'markdown'], /markdown needs a path outside of GitHub's runner/],
    [['--report', 'junit=no/where.xml'], /^funnel: can't write no\/where\.xml: there is no folder no\n$/],
    [['--report', 'json=.'], /^funnel: can't write \.: it is a directory\n$/],
    [['--report', 'json=Relu.onnxtxt'], /json=Relu\.onnxtxt would overwrite another file: Relu\.onnxtxt is read/],
    [
      ['--report', 'json=twice', '--report', 'text=./twice'],
      /text=\.\/twice would overwrite another file: --report json=twice is written there/,
    ],
    [['--report', 'json=-', '--report', 'junit=-'], /json=- and --report junit=- both want standard output/],
    [['--report', 'github', '--json'], /--json and --report github both want standard output/],
  ])('%s: known before the work', async (args, message) => {
    const { code, stdout, stderr } = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', ...args]);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
  });

  test.runIf(existsSync('/dev/full')).each([
    ['Relu.onnxtxt', 'same'],
    ['Identity.onnxtxt', 'different'],
  ])('a full disk: the answer about %s is there, the other reports too, and the exit code is 2', async (b, status) => {
    const { code, stdout, stderr } = await verify([
      'Relu.onnxtxt',
      b,
      '--report',
      'junit=/dev/full',
      '--report',
      `json=full-${status}.json`,
    ]);
    expect(stdout.startsWith(status)).toBe(true);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "funnel: no junit report: can't write /dev/full: the disk is full\n" });
    expect(readReport(read(`full-${status}.json`), 'json').status).toBe(status);
  });

  test.runIf(existsSync('/dev/full'))('a missing provider stays exit code 3', async () => {
    const { code } = await verify([
      'Relu.onnxtxt',
      'Relu.onnxtxt',
      '--provider',
      process.platform === 'linux' ? 'coreml' : 'tensorrt',
      '--report',
      'json=/dev/full',
    ]);
    expect(code).toBe(3);
  });

  test.runIf(process.getuid?.() !== 0)('a protected file stays as it is', async () => {
    writeFileSync(at('kept.json'), 'mine');
    chmodSync(at('kept.json'), 0o444);
    const { code, stderr } = await verify(['Relu.onnxtxt', 'Relu.onnxtxt', '--report', 'json=kept.json']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "funnel: can't write kept.json: permission denied\n" });
    expect(read('kept.json')).toBe('mine');
  });
});

describe('baselines', () => {
  test('known drift is accepted; what grows is not; what is not known is not', async () => {
    const written = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', '--baseline', 'base.json', '--update-baseline']);
    expect(written).toMatchObject({ code: 0, stderr: 'funnel: base.json accepts 2 differences now, 0 before\n' });
    expect(written.stdout).toMatch(/^same: .*known drift in 2\n[\s\S]*max abs [\d.e+-]+ \(up to [\d.e+-]+\)[\s\S]*\[within-budget\]/);
    const valid = schema('baseline');
    valid(JSON.parse(read('base.json')));
    expect(valid.errors).toBeNull();
    const before = read('base.json');

    const again = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', '--baseline', 'base.json', '--report', 'json=known.json']);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    expect(readReport(read('known.json'), 'known.json')).toMatchObject({
      status: 'same',
      cases: [{ verdict: { warnings: [{ code: 'within-budget' }, { code: 'budget-too-wide' }] } }],
    });

    writeFileSync(at('less.json'), before.replace(/"relativeL2": [\d.e-]+/, '"relativeL2": 0.001'));
    const grown = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', '--baseline', 'less.json']);
    expect(grown.code).toBe(1);
    expect(grown.stdout).toMatch(/^different: .*known drift has grown: relative L2 was 1\.00e-3 and is \d/);

    const other = await verify(['Relu.onnxtxt', 'Abs.onnxtxt', '--baseline', 'base.json']);
    expect(other.code).toBe(1);
    expect(other.stdout).toContain("baseline: it has no entry for 'Relu.onnxtxt → Abs.onnxtxt'");
    const reseeded = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', '--baseline', 'base.json', '--seed', '1']);
    expect(reseeded.code).toBe(1);
    expect(reseeded.stdout).toContain('[baseline-unmatched]');
    expect(read('base.json')).toBe(before);
  });

  test('what has no answer leaves the file as it is', async () => {
    writeFileSync(at('same.json'), '{"schema": "onnx-funnel/baseline@1", "entries": []}');
    const missing = process.platform === 'linux' ? 'coreml' : 'tensorrt';
    const { code, stderr } = await verify([
      'Relu.onnxtxt',
      'Identity.onnxtxt',
      '--provider',
      missing,
      '--baseline',
      'same.json',
      '--update-baseline',
    ]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^funnel: same\.json stays as it is: .* is unavailable\n/);
    expect(read('same.json')).toBe('{"schema": "onnx-funnel/baseline@1", "entries": []}');
  });

  test.each([
    [['--update-baseline'], /--update-baseline needs --baseline FILE/],
    [['--baseline', 'none.json'], /none\.json: there is no such file; --update-baseline writes it/],
    [['--baseline', 'Relu.onnxtxt', '--update-baseline'], /Relu\.onnxtxt is no baseline: it is not JSON/],
    [['--baseline', 'no/base.json', '--update-baseline'], /can't write no\/base\.json: there is no folder no/],
    [
      ['--baseline', 'new.json', '--update-baseline', '--report', 'json=new.json'],
      /json=new\.json would overwrite another file: new\.json is read/,
    ],
  ])('%s is refused before the work', async (args, message) => {
    const { code, stdout, stderr } = await verify(['Relu.onnxtxt', 'Identity.onnxtxt', ...args]);
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(message) });
    expect(read('Relu.onnxtxt')).toContain('Relu (x)');
  });
});
