import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { runFunnel } from './support/cli.ts';
import { writePhotos } from './support/data.ts';
import { npy } from './support/tensor-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'funnel-verify-'));
const at = (name: string) => join(folder, name);
const put = (name: string, content: string | Uint8Array) => writeFileSync(at(name), content);

beforeAll(async () => {
  put('model.onnx', encode(parse('g (float[N, 2] x) => (float[N, 2] y) { y = Relu (x) }')));
  put('x.npy', npy(Tensor.of('float', [1, 2], [1, -2])));
  mkdirSync(at('photos'));
  await writePhotos(at('photos'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('as a command', () => {
  const funnel = (...args: readonly string[]) => runFunnel(['verify', 'model.onnx', 'model.onnx', ...args], { cwd: folder });

  test('data, tolerances, rankings, levels', async () => {
    const args = [
      '--data',
      'x.npy',
      '--atol',
      '1e-4',
      '--atol',
      'y:1e-3',
      '--top-k',
      '1,5',
      '--optimization',
      'disabled,basic',
      '--threads',
      '2',
      '--json',
    ];
    const { code, stdout, stderr } = await funnel(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const v = JSON.parse(stdout);
    expect(v.configurations.map((c: { optimization: string }) => c.optimization)).toEqual(['disabled', 'basic']);
    expect(v).toMatchObject({ threads: 2, inputs: [{ label: 'x.npy', files: [{ path: 'x.npy' }] }] });
    expect(v.configurations[0].results[0]).toMatchObject({
      tolerance: { atol: 1e-3 },
      comparison: {
        topK: [
          { k: 1, agreement: 1 },
          { k: 5, agreement: 1 },
        ],
      },
    });
  });

  test.each([
    ['--data gone.npy', /can't read gone\.npy: there is no such file/],
    ['--data photos', /a\.webp: input 'x' is \[N,2\], which takes no image/],
    ['--atol q:1e-3', /unknown output 'q'; did you mean 'y'\?/],
    ['--atol y:', /must be a number from 0 on/],
    ['--optimization bsic', /unknown level of optimisation 'bsic'; did you mean 'basic'\?/],
    ['--top-k 0', /whole numbers from 1 on/],
    ['--min-agreement 1', /add --top-k/],
    ['--limit 3', /--limit is about inputs of yours: add --data/],
    ['--mean 0.5', /--mean is about inputs of yours: add --data/],
    ['--std 0', /numbers above 0/],
  ])('%s is one line and exit code 2', async (args, line) => {
    const { code, stderr } = await funnel(...args.split(' '));
    expect([code, stderr.split('\n').length]).toEqual([2, 2]);
    expect(stderr).toMatch(line);
  });

  test('of what ONNX Runtime says it is said that it does', async () => {
    put('old.onnx', encode(parse('<ir_version: 3, opset_import: ["": 6]> g (float[2] x) => (float[2] y) { y = Add (x, x) }')));
    put(
      'foreign.onnx',
      encode(parse('<ir_version: 8, opset_import: ["": 17, "my": 1]> g (float[2] x) => (float[2] y) { y = my.Foo (x) }')),
    );
    const said = async (name: string) => {
      const { code, stderr } = await runFunnel(['verify', name, name], { cwd: folder });
      return [code, stderr];
    };
    expect(await said('old.onnx')).toEqual([
      3,
      expect.stringMatching(/^funnel: old\.onnx: ONNX Runtime says: Could not find an implementation for Add\(6\)/),
    ]);
    expect(await said('foreign.onnx')).toEqual([
      2,
      expect.stringMatching(/^funnel: ONNX Runtime says: Load model from .*foreign\.onnx failed:.*my:Foo/),
    ]);
  });

  test('what a module prints does not get between the answer and its reader', async () => {
    put('talks.ts', "console.log('hello');\nexport default [{ feeds: { x: { dims: [1, 2], data: [1, -2] } } }];\n");
    const { code, stdout, stderr } = await funnel('--data', 'talks.ts', '--json');
    expect([code, JSON.parse(stdout).status, stderr]).toEqual([0, 'same', 'hello\n']);
  });

  test('a memory limit that is passed is a runtime that is not available', async () => {
    const { code, stderr } = await funnel('--memory', '20MB');
    expect(code).toBe(process.platform === 'linux' ? 3 : 0);
    if (process.platform !== 'linux') return;
    expect(stderr).toMatch(/took more than 20 MB; --memory BYTES gives it more/);
    expect((await funnel('--memory', '2KiB')).stderr).toMatch(/took more than 0\.00205 MB/);
  });
});
