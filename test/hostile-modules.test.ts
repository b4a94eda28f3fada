import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { within } from '../src/runtime/time-limit.ts';
import { blame, loadModule } from '../src/serde/module-file.ts';
import { runFunnel, twoAtATime } from './support/cli.ts';

/** What configurations and generators of users may do: end the process, throw behind our back, loop, wait forever. */
let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'funnel-modules-'));
  writeFileSync(at('a.onnxtxt'), '<ir_version: 8, opset_import: ["" : 17]> g (float[3] x) => (float[3] y) { y = Relu (x) }');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pair = "{ name: 'pair', a: 'a.onnxtxt', b: 'a.onnxtxt', kinds: ['normal'], selfCheck: false }";

test('a module that ends the process, or throws where nobody catches, is at fault: never exit code 0, never a stack', async () => {
  const sources = {
    'exit.mjs': 'process.exit(0)',
    'later.mjs': `Promise.reject(new Error('not handled')); await new Promise(go => setTimeout(go, 100)); export default { cases: [${pair}] };`,
    'getter.mjs': "export default { get cases() { throw new Error('no cases'); } }",
    'generator.mjs': `export default { cases: [{ ...${pair}, data: [function* () { process.exit(0); }] }] };`,
  };
  for (const [name, source] of Object.entries(sources)) writeFileSync(at(name), source);
  const results = await twoAtATime(Object.keys(sources), name => runFunnel(['ci', name], { cwd: folder }));
  expect(results.map(r => r.code)).toEqual([2, 2, 2, 2]);
  expect(results.map(r => r.stderr)).toEqual([
    'funnel: a module ended the process (exit code 0): a configuration, a generator or a pass is at fault\n',
    'funnel: later.mjs threw an error: not handled\n',
    'funnel: getter.mjs threw an error: no cases\n',
    'funnel: a module ended the process (exit code 0): a configuration, a generator or a pass is at fault\n',
  ]);
}, 60_000);

test('a pass of a user that throws is no fault of ours, and keeps no other case from being made', async () => {
  writeFileSync(
    at('pass.mjs'),
    `export default { cases: [{ model: 'a.onnxtxt', passes: [{ name: 'mine', run() { throw new Error('oh'); } }] }, ${pair}], reports: { json: 'r.json' } };`,
  );
  const { code, stdout } = await runFunnel(['ci', 'pass.mjs'], { cwd: folder });
  expect(code).toBe(2);
  expect(stdout).toContain('invalid: pass.mjs threw an error: oh');
  expect(JSON.parse(readFileSync(at('r.json'), 'utf8')).cases.map((c: { verdict: { status: string } }) => c.verdict.status)).toEqual([
    'invalid',
    'same',
  ]);
}, 60_000);

test('a generator that loops, or waits, ends at the time limit', async () => {
  writeFileSync(at('loops.ts'), 'export default function* () { for (;;) {} }');
  writeFileSync(at('waits.ts'), 'await new Promise(() => {}); export default [];');
  const results = await twoAtATime(['loops.ts', 'waits.ts'], name =>
    runFunnel(['verify', 'a.onnxtxt', 'a.onnxtxt', '--data', name, '--timeout', '5'], { cwd: folder }),
  );
  expect(results.map(r => [r.code, r.stdout])).toEqual([
    [3, ''],
    [3, ''],
  ]);
  for (const { stderr } of results) expect(stderr).toMatch(/^funnel: (loops|waits)\.ts did not end within 5 s: [^\n]+\n$/);
}, 90_000);

describe('a time limit', () => {
  test('lets through what is given and thrown', async () => {
    expect(await within(60_000, 'it', async () => 7)).toBe(7);
    await expect(within(60_000, 'it', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  test('does not interrupt who only waits', async () => {
    await expect(within(50, 'it', () => new Promise(() => {}))).rejects.toMatchObject({ kind: 'timeout' });
    expect(await within(60_000, 'it', async () => 'after')).toBe('after');
  });
});

test('a stack tells whose fault it is', async () => {
  writeFileSync(at('a fault.mjs'), "export default () => { throw new Error('of theirs'); };");
  const theirs = (await loadModule(at('a fault.mjs'))) as () => void;
  const error = await Promise.resolve()
    .then(theirs)
    .catch((thrown: unknown) => thrown);
  expect(blame(error)).toMatchObject({ code: 'E_MODULE', message: `${at('a fault.mjs')} threw an error: of theirs` });
  expect(blame(new Error('wrapped', { cause: error }))).toBeDefined();
  expect(blame(new Error('of ours'))).toBeUndefined();
  expect(blame('a text')).toBeUndefined();
});
