import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Report } from '../src/verify/report.ts';
import { at, config, folder, funnel, idle, json, leaky, model, quick, relu } from './support/ci.ts';

writeFileSync(at('broken.onnx'), 'no model');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('funnel ci', () => {
  test('runs pairs, pipelines and passes of a TypeScript configuration, and stops at none', async () => {
    writeFileSync(
      at('funnel.config.ts'),
      `import { readdirSync } from 'node:fs';
       import { defineConfig } from 'onnx-funnel';
       import { any, p, pass, rule } from 'onnx-funnel/rules';

       const dropDoubleNeg = pass('drop-double-neg', 'exact', rule({ match: p.Neg(p.Neg(any('x'))), rewrite: ({ x }) => x }));
       const seed = readdirSync('.').filter(file => file.endsWith('.nothing')).length;
       export default defineConfig({
         defaults: { kinds: ['normal'], optimizations: ['disabled'], seed, selfCheck: false },
         cases: [
           { a: '${relu}', b: '${idle}' },
           { a: '${relu}', b: '${leaky}', kinds: ['normal', 'flips'] },
           { a: '${relu}', b: 'missing.onnx' },
           { name: 'broken', a: 'broken.onnx', b: '${relu}' },
           { name: 'typo', a: '${relu}', b: '${relu}', exclude: ['z'] },
           { model: 'models/*.onnxtxt', pipeline: 'deploy' },
           { name: 'own', model: '${leaky}', passes: [dropDoubleNeg, 'drop-unused'] },
           { name: 'on purpose', model: '${relu}', passes: ['relu-to-frelu'] },
         ],
         reports: { json: 'out.json' },
       });`,
    );
    // From another folder: paths are the configuration's.
    const { code, stdout, stderr } = await funnel(['ci', join('..', 'funnel.config.ts')], { cwd: at('models') });
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    const report: Report = json('out.json');
    expect(report).toMatchObject({ schema: 'onnx-funnel/report@1', status: 'invalid', complete: true });
    expect(report.cases.map(c => [c.name, c.verdict.status])).toEqual([
      [`${relu} → ${idle}`, 'same'],
      [`${relu} → ${leaky}`, 'different'],
      [`${relu} → missing.onnx`, 'invalid'],
      ['broken', 'invalid'],
      ['typo', 'invalid'],
      [`${leaky} → deploy`, 'same'],
      [`${idle} → deploy`, 'same'],
      [`${relu} → deploy`, 'same'],
      ['own', 'same'],
      ['on purpose', 'same'],
    ]);
    const [, different, missing, broken, typo, , simplified, untouched, own] = report.cases;
    expect(different!.verdict.inputs.map(i => i.label)).toEqual(['normal', 'flips']);
    expect(missing!.verdict.summary).toBe("invalid: can't read missing.onnx: there is no such file");
    expect(broken!.verdict.summary).toContain('broken.onnx');
    expect(typo!.verdict.reasons).toMatchObject([{ code: 'E_USAGE', message: expect.stringContaining("'z'") }]);
    expect(simplified!.diff!.nodes.removed.length).toBeGreaterThan(0);
    expect(untouched!.verdict.warnings).toMatchObject([{ code: 'nothing-rewritten' }]);
    expect(own!.verdict.b!.label).toBe(`${leaky} → drop-double-neg, drop-unused`);
    expect(own!.diff!.nodes.removed.map(n => n.op)).toEqual(['Neg', 'Neg']);
    expect(own!.passes).toMatchObject([{ pass: 'drop-double-neg', fired: [{ op: 'Neg' }], refused: [] }]);
    expect(different!.passes).toBeUndefined();
    expect(stdout).toContain(`  ✓ own  same: 1 output, 1 input, 1 configuration`);
    expect(stdout).toMatch(/✓ models\/relu\.onnxtxt → deploy .*\n {4}! passes: no pass fired: .* \[nothing-rewritten\]\n/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('invalid: 10 cases, 6 same, 3 invalid, 1 different');
  });

  test('a pass that changes the outputs on purpose is said to', async () => {
    writeFileSync(
      at('purpose.config.mjs'),
      `import { any, p, pass, rule } from 'onnx-funnel/rules';
       const drop = pass('drop-leaky', 'changes', rule({ match: p.LeakyRelu(any('x')), rewrite: ({ x }) => x }));
       export default { cases: [{ model: '${leaky}', passes: [drop], ...${JSON.stringify(quick)} }] };`,
    );
    const { code, stdout } = await funnel(['ci', 'purpose.config.mjs', '--json']);
    const report: Report = JSON.parse(stdout);
    expect({ code, status: report.status }).toEqual({ code: 1, status: 'different' });
    expect(report.cases[0]!.verdict.warnings).toContainEqual(expect.objectContaining({ code: 'changes-on-purpose' }));
  });

  test('what the configuration says wrong is told line by line', async () => {
    writeFileSync(
      at('typed.config.ts'),
      `import { defineConfig } from 'onnx-funnel';\nexport default defineConfig({ cases: [\n  { a: 'a.onnx', b: 'b.onnx', threadz: 1 },\n  { model: 3, pipeline: 'fold' },\n] });\n`,
    );
    config('bad.json', {
      cases: [
        { a: relu, b: idle, toleranecs: {} },
        { model: relu, pipeline: 'deplo' },
        { model: relu, passes: ['fold-btch-norm'] },
        { a: relu },
      ],
      report: {},
      defaults: { tolerances: { outputs: { y: { atoll: 1 } } } },
    });
    const [typed, bad] = await Promise.all([funnel(['ci', 'typed.config.ts']), funnel(['ci', 'bad.json'])]);
    expect({ code: typed.code, stdout: typed.stdout }).toEqual({ code: 2, stdout: '' });
    expect(typed.stderr).toMatch(
      /^funnel: typed\.config\.ts has 2 problems\n {2}typed\.config\.ts:3:31: [^\n]*'threadz'[^\n]*\n {2}typed\.config\.ts:4:5: [^\n]*'number'[^\n]*\n$/,
    );
    expect(bad).toMatchObject({ code: 2, stdout: '' });
    expect(bad.stderr.split('\n')).toEqual([
      'funnel: bad.json has 6 problems',
      "  bad.json: defaults.tolerances.outputs.y: unknown option 'atoll'; did you mean 'atol'?",
      "  bad.json: unknown option 'report'; did you mean 'reports'?",
      "  bad.json: cases[0]: unknown option 'toleranecs'; did you mean 'tolerances'?",
      "  bad.json: cases[1].pipeline: unknown pipeline 'deplo'; did you mean 'deploy'?",
      "  bad.json: cases[2].passes[0]: unknown pass 'fold-btch-norm'; did you mean 'fold-batch-norm'?",
      expect.stringMatching(/^ {2}bad\.json: cases\[3\]\.b: /),
      '',
    ]);
  });

  test('where there is nothing to compare, nothing is the same', async () => {
    config('empty.json', { cases: [] });
    config('glob.json', { cases: [{ model: 'nets/*.onnx', pipeline: 'fold' }] });
    config('twins.json', {
      cases: [
        { a: relu, b: idle },
        { a: relu, b: idle, seed: 1 },
      ],
    });
    const [empty, glob, twins, none] = await Promise.all([
      funnel(['ci', 'empty.json', '--report', 'json=empty-report.json']),
      funnel(['ci', 'glob.json']),
      funnel(['ci', 'twins.json']),
      funnel(['ci'], { cwd: at('models') }),
    ]);
    expect(empty).toMatchObject({ code: 1, stderr: 'funnel: empty.json lists no case: nothing is compared\n' });
    expect(json('empty-report.json')).toMatchObject({ status: 'inconclusive', cases: [] });
    expect(glob).toMatchObject({ code: 2, stderr: "funnel: glob.json: cases[0]: no file matches 'nets/*.onnx'\n" });
    expect(twins.code).toBe(2);
    expect(twins.stderr).toContain(`cases[0] and cases[1] are both called '${relu} → ${idle}'`);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/^funnel: there is no funnel\.config\.ts [^\n]+\n$/);
  });

  test('each case proves that it can fail, and known drift has a budget', async () => {
    writeFileSync(at('drifts.onnxtxt'), model('a = Relu (x)', 'b = Constant <value_float = 1.001> ()', 'y = Mul (a, b)'));
    const both = { kinds: ['normal'], optimizations: ['disabled'], a: relu };
    const cases = [
      { ...both, name: 'known', b: 'drifts.onnxtxt' },
      { ...both, name: 'plain', b: idle },
    ];
    config('budget.json', { cases, baseline: 'drift.json' });
    const first = await funnel(['ci', 'budget.json']);
    expect(first).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('drift.json: there is no such file; --update-baseline writes it'),
    });
    const written = await funnel(['ci', 'budget.json', '--update-baseline']);
    expect({ code: written.code, last: written.stdout.trimEnd().split('\n').at(-1) }).toEqual({ code: 0, last: 'same: 2 cases, 2 same' });
    const again = await funnel(['ci', 'budget.json', '--json']);
    expect(again.code).toBe(0);
    const report: Report = JSON.parse(again.stdout);
    expect(report.cases[0]!.verdict.warnings).toContainEqual(expect.objectContaining({ code: 'within-budget' }));
    expect(report.cases[1]!.verdict.selfCheck!.detected).toBeGreaterThan(0);
    writeFileSync(at('drifts.onnxtxt'), model('a = Relu (x)', 'b = Constant <value_float = 1.002> ()', 'y = Mul (a, b)'));
    const grown = await funnel(['ci', 'budget.json', '--only', 'k*']);
    expect({ code: grown.code, last: grown.stdout.trimEnd().split('\n').at(-1) }).toEqual({
      code: 1,
      last: 'different: 1 case, 1 different',
    });
    const none = await funnel(['ci', 'budget.json', '--only', 'knwon']);
    expect(none).toMatchObject({ code: 2, stderr: "funnel: unknown case 'knwon'; did you mean 'known'? (--list lists them)\n" });
  });

  test('an interruption leaves what is finished', async () => {
    writeFileSync(
      at('slow.config.mjs'),
      `const never = () => new Promise(() => setInterval(() => {}, 1000));
       const quick = ${JSON.stringify(quick)};
       export default { cases: [{ name: 'first', a: '${relu}', b: '${idle}', ...quick }, { name: 'second', a: '${relu}', b: '${idle}', data: [never] }] };`,
    );
    const { code } = await funnel(['ci', 'slow.config.mjs', '--report', 'json=partial.json'], {
      onStart: child => child.stdout!.on('data', (chunk: Buffer) => chunk.includes('first') && child.kill('SIGINT')),
    });
    expect(code).toBe(130);
    expect(json('partial.json')).toMatchObject({
      complete: false,
      status: 'inconclusive',
      cases: [{ name: 'first', verdict: { status: 'same' } }],
    });
  });
});

test('an interrupted verify reports no case', async () => {
  writeFileSync(at('never.mjs'), 'process.stderr.write("begun");\nexport default () => new Promise(() => setInterval(() => {}, 1000));\n');
  const { code } = await funnel(['verify', relu, idle, '--data', 'never.mjs', '--report', 'json=verify.json'], {
    onStart: child => child.stderr!.on('data', (chunk: Buffer) => chunk.includes('begun') && child.kill('SIGTERM')),
  });
  expect(code).toBe(143);
  expect(json('verify.json')).toEqual({ schema: 'onnx-funnel/report@1', status: 'inconclusive', complete: false, cases: [] });
});
