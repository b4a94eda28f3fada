import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { verify, write } from '../src/api.ts';
import { folderOf } from '../src/ci/run.ts';
import { checkReports, filesOfData } from '../src/cli/reporting.ts';
import { parse } from '../src/text/parse.ts';
import { runFunnel } from './support/cli.ts';

/** No file of a user's is lost to an output. */
const root = mkdtempSync(join(tmpdir(), 'funnel-outputs-'));
let folder: string;
const at = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(root, 'test-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const model = (op: string) =>
  `<ir_version: 8, opset_import: ["" : 17]> g (float[2, 3] x) => (float[2, 3] y) { t = ${op} (x)  y = Neg (t) }`;
const [relu, abs] = [parse(model('Relu')), parse(model('Abs'))];
const failing = (into: string) => verify(relu, abs, { kinds: ['normal'], failures: into });

describe('the folder of --failures', () => {
  test('with models or data of a user in it is refused before the work', async () => {
    await write(relu, at('a.onnx'));
    const before = readFileSync(at('a.onnx'));
    await expect(failing(folder)).rejects.toMatchObject({ code: 'E_WRITE', message: expect.stringContaining(`${at('a.onnx')} would be`) });
    expect(readFileSync(at('a.onnx'))).toEqual(before);
    mkdirSync(at('data/test_data_set_0'), { recursive: true });
    await expect(failing(at('data'))).rejects.toThrow('test_data_set_0 would be overwritten');
    mkdirSync(at('numbered/2'), { recursive: true });
    writeFileSync(at('numbered/2/b.onnx'), 'no model of ours');
    await expect(failing(at('numbered'))).rejects.toThrow('b.onnx would be overwritten');
  });

  test('that is a file, or below one, is refused', async () => {
    writeFileSync(at('file'), '');
    await expect(failing(at('file'))).rejects.toMatchObject({ code: 'E_WRITE', message: expect.stringContaining('not a directory') });
    await expect(failing(at('file/below'))).rejects.toMatchObject({ code: 'E_WRITE' });
  });

  test('of an earlier run is used again, and nothing of that run stays', async () => {
    const verdict = await failing(at('out'));
    expect(verdict.layers?.culprits).toHaveLength(1);
    const files = readdirSync(at('out/test_data_set_0'));
    writeFileSync(at('out/test_data_set_0/input_9.pb'), 'of an earlier run');
    await failing(at('out'));
    expect(readdirSync(at('out/test_data_set_0'))).toEqual(files);
  });

  test('is another for each case, inside of what was given', () => {
    const names = ['a b', 'a-b', 'a/b', '..', '.', '.hidden', 'ä', 'ö', 'x'.repeat(300), `${'x'.repeat(300)}y`];
    const folders = names.map(folderOf);
    expect(new Set(folders).size).toBe(names.length);
    for (const name of folders) expect(name).toMatch(/^[\w-][\w.-]{0,120}$/);
    expect(folderOf('a-b')).toBe('a-b');
  });
});

describe('reports', () => {
  const refuse = (file: string, files: readonly string[] = []) =>
    expect(checkReports([{ format: 'json', path: at(file) }], { files: files.map(at) })).rejects;

  test('take the place of no model, data or weights', async () => {
    await write(relu, at('model.bin'));
    writeFileSync(
      at('weights'),
      Float32Array.from({ length: 100 }, (_, i) => Math.sin(i + 1)),
    );
    writeFileSync(at('generator.ts'), 'export default [];');
    symlinkSync('weights', at('link.json'));
    for (const file of ['model.bin', 'weights', 'link.json']) await refuse(file).toMatchObject({ code: 'E_WRITE' });
    await refuse('generator.ts', filesOfData(['generator.ts'])).toThrow('would overwrite another file');
    await refuse('generator.ts', ['generator.ts']).toThrow('is read');
    expect(filesOfData(['x=generator.ts', [], undefined])).toContain('generator.ts');
  });

  test('take the place of an earlier one, whatever language it is in', async () => {
    writeFileSync(at('report.html'), `<!doctype html>${'ä → 日本\n'.repeat(1000)}`);
    writeFileSync(at('empty'), '');
    for (const file of ['report.html', 'empty', 'new'])
      await expect(checkReports([{ format: 'html', path: at(file) }], { files: [] })).resolves.toBeUndefined();
  });
});

test('a client takes the place of neither its model nor another binary file', async () => {
  await write(relu, at('m.onnx'));
  writeFileSync(at('w.bin'), Buffer.from([0, 1, 2, 255]));
  symlinkSync('m.onnx', at('link.ts'));
  for (const output of ['link.ts', './w.bin']) {
    const { code, stderr } = await runFunnel(['client', 'm.onnx', '-o', output], { cwd: folder });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^funnel: [^\n]*(take the place of the model|is TypeScript)[^\n]*\n$/)]);
  }
  expect(readFileSync(at('w.bin'))).toEqual(Buffer.from([0, 1, 2, 255]));
  expect(existsSync(at('link.ts'))).toBe(true);
});

test.runIf(process.platform !== 'win32')(
  'a named pipe that nobody opens on its other side can be interrupted',
  async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const { code, stderr } = await runFunnel(['inspect', 'pipe'], {
      cwd: folder,
      // Long enough to have begun; as often as it takes where the machine is slow.
      onStart: child => {
        const timer = setInterval(() => child.kill('SIGTERM'), 4000);
        child.on('exit', () => clearInterval(timer));
      },
    });
    expect([code, stderr]).toEqual([null, '']);
  },
  60_000,
);
