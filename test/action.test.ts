import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { typeProblems } from '../src/codegen/type-check.ts';
import { sources } from './support/cli.ts';

/** The action as GitHub reads it, and its script as GitHub's runner calls it. */
const root = join(import.meta.dirname, '..');
const script = join(root, 'action/run.sh');
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const text = readFileSync(join(root, 'action.yml'), 'utf8');

interface Step {
  readonly name: string;
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly if?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const action = parse(text) as {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly required: boolean; readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly description: string; readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
};
const compare = action.runs.steps.find(s => s.id === 'compare')!;
const matches = (of: string, pattern: RegExp) => [...new Set([...of.matchAll(pattern)].map(m => m[1]!))].sort();

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'funnel-action-'));
  const model = (...nodes: readonly string[]) =>
    `<ir_version: 8, opset_import: ["" : 17]>\ng (float[2,4] x) => (float[2,4] y) { ${nodes.join('\n')} }\n`;
  writeFileSync(at('a.onnxtxt'), model('y = Relu (x)'));
  writeFileSync(at('b.onnxtxt'), model('z = Relu (x)', 'y = Identity (z)'));
  writeFileSync(at('c.onnxtxt'), model('y = Neg (x)'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the script with the inputs of the action, those not given at their defaults. */
async function runAction(given: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}) {
  const inputs = Object.fromEntries(Object.entries(action.inputs).map(([name, input]) => [name, input.default]));
  inputs.command = `${process.execPath} --import ${loader} ${join(root, 'src/cli/main.ts')}`;
  const values: Record<string, string> = { ...inputs, ...given };
  const env = Object.fromEntries(
    Object.entries(compare.env!).map(([name, value]) => [
      name,
      value.replace(/\$\{\{ inputs\.([\w-]+) \}\}/, (_, input: string) => values[input]!),
    ]),
  );
  const files = { GITHUB_OUTPUT: at('output'), GITHUB_STEP_SUMMARY: at('summary.md') };
  for (const file of Object.values(files)) writeFileSync(file, '');
  const github = { GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: folder, GITHUB_ACTION_PATH: root, RUNNER_TEMP: folder, ...files };
  const child = spawn('bash', [script], {
    cwd: folder,
    env: { ...process.env, ...sources, FORCE_COLOR: undefined, ...github, ...env, ...more },
  });
  let stdout = '';
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  const code = await new Promise(done => child.on('close', done));
  const lines = readFileSync(files.GITHUB_OUTPUT, 'utf8').trim().split('\n');
  const outputs = Object.fromEntries(lines.map(line => line.split(/=(.*)/s).slice(0, 2))) as Record<string, string>;
  return { code, stdout, outputs, summary: readFileSync(files.GITHUB_STEP_SUMMARY, 'utf8') };
}

test('what the action declares, uses and tells fits together', () => {
  expect(action.runs.using).toBe('composite');
  expect(matches(text, /inputs\.([\w-]+)/g)).toEqual(Object.keys(action.inputs).sort());
  for (const { description, required, default: value } of Object.values(action.inputs))
    expect({ described: description.length > 10, required, value: typeof value }).toEqual({
      described: true,
      required: false,
      value: 'string',
    });
  for (const { name, uses, run, shell } of action.runs.steps) {
    expect(name).toBeTruthy();
    // The runner wants a shell for each script; other actions are pinned to a major version.
    expect(uses ? /^actions\/[\w-]+@v\d+$/.test(uses) : run !== undefined && shell === 'bash').toBe(true);
  }
  const source = readFileSync(script, 'utf8');
  expect(matches(source, /\b(FUNNEL_[A-Z_]+)/g)).toEqual(Object.keys(compare.env!).sort());
  const told = [...matches(source, /output ([a-z-]+) /g), ...matches(source, /^ {4}([a-z]+)\) file=/gm)];
  expect(matches(text, /steps\.compare\.outputs\.([\w-]+)/g)).toEqual(told.sort());
  // The answer comes when the reports are safe.
  expect(action.runs.steps.at(-1)).toMatchObject({
    run: 'exit "$CODE"',
    env: { CODE: expect.stringContaining('steps.compare.outputs.exit-code') },
  });
});

test('two models: outputs, reports, summary and annotations', async () => {
  const same = await runAction({ a: 'a.onnxtxt', b: 'b.onnxtxt', args: '--inputs\nnormal\n' });
  expect(same.code).toBe(0);
  expect(same.outputs).toMatchObject({
    status: 'same',
    'exit-code': '0',
    reports: at('funnel-report'),
    json: at('funnel-report/report.json'),
  });
  for (const format of ['json', 'junit', 'sarif', 'html']) expect(existsSync(same.outputs[format]!)).toBe(true);
  expect(same.summary).toContain('same');
  const different = await runAction({ a: 'a.onnxtxt', b: 'c.onnxtxt', providers: 'cpu', reports: 'out' });
  // The step itself goes well: the last one fails, after the reports are kept.
  expect({ code: different.code, ...different.outputs }).toMatchObject({
    code: 0,
    status: 'different',
    'exit-code': '1',
    reports: at('out'),
  });
  expect(different.stdout).toMatch(/^::error /m);
  // Where nothing was compared, nothing is left of an earlier run, and no step is told of a report that is not there.
  const nothing = await runAction({ a: 'a.onnxtxt', b: 'gone.onnxtxt', args: '--no-such-option', reports: 'out' });
  expect(nothing.outputs).toEqual({ reports: at('out'), status: 'invalid', 'exit-code': '2' });
  expect(readdirSync(at('out'))).toEqual([]);
});

test('a configuration, or no sense', async () => {
  writeFileSync(
    at('funnel.config.json'),
    JSON.stringify({
      cases: [
        { a: 'a.onnxtxt', b: 'b.onnxtxt' },
        { model: 'a.onnxtxt', pipeline: 'fold' },
      ],
    }),
  );
  const part = await runAction({ shard: '2/2' });
  expect(part.outputs).toMatchObject({ status: 'same', 'exit-code': '0' });
  expect(JSON.parse(readFileSync(part.outputs.json!, 'utf8'))).toMatchObject({
    shard: { index: 2, count: 2 },
    cases: [{ name: 'a.onnxtxt → fold' }],
  });
  const half = await runAction({ a: 'a.onnxtxt' });
  expect(half).toMatchObject({ code: 2, outputs: { 'exit-code': '2' }, stdout: '::error::it takes two models: a and b\n' });
  const wrong = await runAction({ config: 'nowhere.json' });
  expect(wrong.outputs).toMatchObject({ status: 'invalid', 'exit-code': '2' });
});

test('what is installed is the version that goes with the action', async () => {
  const bin = at('bin');
  mkdirSync(bin, { recursive: true });
  // In place of the registry: says what it was asked for, and puts the command where it would be.
  writeFileSync(
    join(bin, 'npm'),
    `#!/usr/bin/env bash\nprintf '%s %s\\n' "$*" "\${ONNXRUNTIME_NODE_INSTALL:-}" >>"${at('npm.log')}"
     mkdir -p "${at('onnx-funnel')}/node_modules/onnx-funnel/dist/src/cli" && echo 'process.exit(3)' >"${at('onnx-funnel')}/node_modules/onnx-funnel/dist/src/cli/main.js"\n`,
  );
  chmodSync(join(bin, 'npm'), 0o755);
  const path = { PATH: `${bin}:${process.env.PATH}` };
  const models = { a: 'a.onnxtxt', b: 'b.onnxtxt', command: '' };
  const own = await runAction(models, path);
  expect(own.outputs).toMatchObject({ 'exit-code': '3' });
  await runAction({ ...models, version: '9.9.9', providers: 'cpu,cuda' }, path);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const install = `install --no-audit --no-fund --no-save --prefix ${at('onnx-funnel')}`;
  expect(readFileSync(at('npm.log'), 'utf8')).toBe(`${install} onnx-funnel@${version} skip\n${install} onnx-funnel@9.9.9 \n`);
  // Where a workflow says `uses: ./`, it is what lies there.
  const checkout = at('checkout');
  mkdirSync(join(checkout, 'dist/src/cli'), { recursive: true });
  writeFileSync(join(checkout, 'dist/src/cli/main.js'), 'process.exit(1)');
  rmSync(at('npm.log'));
  const here = await runAction({ ...models }, { ...path, GITHUB_ACTION_PATH: checkout, GITHUB_WORKSPACE: checkout });
  expect(here.outputs).toMatchObject({ 'exit-code': '1' });
  expect(readFileSync(at('npm.log'), 'utf8')).toBe('ci --no-audit --no-fund \nrun build \n');
});

describe('recipes', () => {
  const doc = readFileSync(join(root, 'docs/ci.md'), 'utf8');
  const blocks = (language: string) => [...doc.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(m => m[1]!);

  test('YAML is YAML, and says to the action what it knows', () => {
    const recipes = blocks('yaml').map(block => parse(block) as unknown);
    expect(recipes).toHaveLength(3);
    const [uses] = recipes as [{ readonly jobs: { readonly verify: { readonly steps: readonly { uses: string; with?: object }[] } } }];
    const ours = uses.jobs.verify.steps.find(s => s.uses.includes('onnx-funnel'))!;
    expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(ours.with!)));
  });

  test('the shell recipe ends as funnel does', async () => {
    const [recipe] = blocks('sh');
    const funnel = `funnel() { "${process.execPath}" --import "${loader}" "${join(root, 'src/cli/main.ts')}" "$@"; }`;
    const run = (after: string) => {
      const commands = `${funnel}\n${recipe!.replace('before.onnx', 'a.onnxtxt').replace('after.onnx', after)}`;
      const { status, stdout } = spawnSync('sh', ['-c', commands], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, ...sources, FORCE_COLOR: undefined },
      });
      return { status, last: stdout.trimEnd().split('\n').at(-1) };
    };
    expect(run('b.onnxtxt')).toEqual({ status: 0, last: 'the models compute the same' });
    expect(run('c.onnxtxt')).toEqual({ status: 1, last: 'they differ, or nothing could be compared' });
    expect(readFileSync(at('verify.xml'), 'utf8')).toContain('<failure');
    expect(run('missing.onnx')).toMatchObject({ status: 2 });
  });

  test('the configuration type-checks', () => {
    const [config] = blocks('ts');
    writeFileSync(at('doc.config.ts'), config!);
    const types = { 'onnx-funnel': join(root, 'src/index.ts'), 'onnx-funnel/rules': join(root, 'src/rewrite/rules.ts') };
    expect(typeProblems(at('doc.config.ts'), 'doc.config.ts', types)).toEqual([]);
    writeFileSync(at('doc.config.ts'), config!.replace('pipeline:', 'pipelin:'));
    expect(typeProblems(at('doc.config.ts'), 'doc.config.ts', types)).toMatchObject([
      { where: expect.stringMatching(/^doc\.config\.ts:\d+:\d+$/) },
    ]);
  });
});
