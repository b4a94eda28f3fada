import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tensors, ValueMetadata } from '../src/runtime/session.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import type { InputGenerator } from '../src/verify/data/generator.ts';
import { loadData } from '../src/verify/data/load.ts';
import type { Finding } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { runFunnel } from './support/cli.ts';
import { npy, npz } from './support/tensor-files.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const put = (name: string, content: string | Uint8Array) => writeFileSync(at(name), content);
const runtime = new Runtime();
const model = (text: string) => ({ bytes: encode(parse(text)), label: 'model' });
const relu = model('g (float[N, 2] x) => (float[N, 2] y) { y = Relu (x) }');
const check = (options: VerifyOptions, a = relu, b = a) => verify(a, b, { runtime, optimizations: ['disabled'], ...options });

const x: ValueMetadata = { name: 'x', dtype: 'float', shape: ['N', 2] };
const ids: ValueMetadata = { name: 'ids', dtype: 'int64', shape: ['N'] };
const image = (shape: ValueMetadata['shape'], dtype: ValueMetadata['dtype'] = 'float'): ValueMetadata => ({ name: 'image', dtype, shape });
const loading = { seed: 3, shapes: {}, limit: 16, images: {}, timeout: 60_000, warn: (_: Finding) => {} };
/** The sets that some data give for some inputs. */
const load = (inputs: readonly ValueMetadata[], data: Parameters<typeof loadData>[0], more: Partial<Parameters<typeof loadData>[1]> = {}) =>
  loadData(data, { ...loading, edges: { inputs, outputs: [{ ...x, name: 'y' }] }, ...more });
const refusal = (inputs: readonly ValueMetadata[], ...data: Parameters<typeof loadData>[0]) =>
  load(inputs, data).then(
    () => 'no error',
    (error: Error) => error.message.replaceAll(`${folder}/`, ''),
  );
const numbers = (feeds: Tensors, name = 'x') => Array.from(feeds[name]!.numbers());

const pair = (value = 1) => Tensor.of('float', [1, 2], [value, -2]);
const tensorProto = (t: Tensor, name = '') =>
  onnx.TensorProto.encode({ name, dims: [...t.dims], dataType: t.dtype === 'float' ? 1 : 7, rawData: t.bytes() }).finish();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'funnel-data-'));
  for (const name of ['empty', 'texts', 'photos', 'sets', 'sets/test_data_set_0', 'sets/test_data_set_1', 'sets/test_data_set_10'])
    mkdirSync(at(name));
  put('texts/readme.md', 'no image');
  put('x.npy', npy(pair()));
  put('double.npy', npy(Tensor.of('double', [1, 2], [1, 2])));
  put('wide.npy', npy(Tensor.of('float', [1, 3], [1, 2, 3])));
  put('flat.npy', npy(Tensor.of('float', [2], [1, 2])));
  put('nan.npy', npy(pair(Number.NaN)));
  put('cut.npy', npy(pair()).subarray(0, -3));
  put('ids.npy', npy(Tensor.of('int64', [1], [5n])));
  put(
    'both.npz',
    npz(
      new Map([
        ['x', pair()],
        ['ids', Tensor.of('int64', [1], [7n])],
      ]),
    ),
  );
  put(
    'counted.npz',
    npz(
      new Map([
        ['arr_0', pair()],
        ['arr_1', Tensor.of('int64', [1], [7n])],
      ]),
    ),
  );
  put('half.npz', npz(new Map([['x', pair()]])));
  put(
    'typo.npz',
    npz(
      new Map([
        ['idx', Tensor.of('int64', [1], [7n])],
        ['x', pair()],
      ]),
    ),
  );
  put(
    'batches.npz',
    npz(
      new Map([
        ['x', pair()],
        ['ids', Tensor.of('int64', [2], [7n, 8n])],
      ]),
    ),
  );
  for (const [set, value] of [
    ['0', 1],
    ['1', 2],
    ['10', 3],
  ] as const) {
    put(`sets/test_data_set_${set}/input_0.pb`, tensorProto(pair(value)));
    put(`sets/test_data_set_${set}/output_0.pb`, tensorProto(Tensor.of('float', [1, 2], [set === '1' ? 2.5 : value, 0]), 'y'));
  }
  put('cut.pb', tensorProto(pair()).subarray(0, -2));
  const pixels = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
  const raw = sharp(pixels, { raw: { width: 2, height: 2, channels: 3 } });
  await raw.clone().png().toFile(at('photos/b.png'));
  await raw.clone().webp({ lossless: true }).toFile(at('photos/a.webp'));
  await raw.clone().jpeg().toFile(at('photos/c.jpg'));
  const noise = sharp(
    Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 31) % 251),
    { raw: { width: 64, height: 64, channels: 3 } },
  );
  put('cut.jpg', (await noise.jpeg().toBuffer()).subarray(0, 2000));
  put('text.png', 'no image');
  put('model.onnx', relu.bytes);
});

afterAll(async () => {
  await runtime.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('tensor files', () => {
  test('.npy is the only input; .npz has names, or counts; x=FILE says which', async () => {
    expect((await load([x], [at('x.npy')])).map(s => numbers(s.feeds()))).toEqual([[1, -2]]);
    for (const data of [[at('both.npz')], [at('counted.npz')]]) {
      const [set, ...more] = await load([x, ids], data);
      expect(more).toEqual([]);
      expect([numbers(set!.feeds()), numbers(set!.feeds(), 'ids')]).toEqual([[1, -2], [7]]);
    }
    const [named] = await load([x, ids], [`x=${at('x.npy')}`, `ids=${at('ids.npy')}`]);
    expect([numbers(named!.feeds()), numbers(named!.feeds(), 'ids')]).toEqual([[1, -2], [5]]);
  });

  test('what does not fit is told: which input, which dimension', async () => {
    expect(await refusal([x], at('gone.npy'))).toMatch(/can't read gone.npy: there is no such file/);
    expect(await refusal([x], at('empty'))).toBe('empty: the folder is empty');
    expect(await refusal([x], at('texts'))).toMatch(/texts: the folder holds neither images nor ONNX's test data/);
    expect(await refusal([x], at('texts/readme.md'))).toMatch(/readme.md: what is it\?/);
    expect(await refusal([x], at('double.npy'))).toBe("double.npy: input 'x' is float, the data are double: convert them first");
    expect(await refusal([x], at('wide.npy'))).toMatch(/is \[N,2\], the data are \[1,3\]: dimension 1 is 3, not 2/);
    expect(await refusal([x], at('flat.npy'))).toMatch(/has 2 dimensions \[N,2\], the data have 1 \[2\]/);
    expect(await refusal([x], at('cut.npy'))).toMatch(/cut.npy: .* wants 8 bytes/);
    expect(await refusal([x], at('cut.pb'))).toMatch(/cut.pb: the file is cut off/);
    expect(await refusal([x, ids], at('x.npy'))).toMatch(/which of the inputs x, ids is it for\? write x=x.npy/);
    expect(await refusal([x, ids], at('half.npz'))).toBe("half.npz: input 'ids' is not fed");
    expect(await refusal([x, ids], at('typo.npz'))).toMatch(/unknown input 'idx'; did you mean 'ids'\?/);
    expect(await refusal([x, ids], `xx=${at('x.npy')}`)).toMatch(/unknown input 'xx'; did you mean 'x'\?/);
    expect(await refusal([x, ids], at('batches.npz'))).toMatch(/dimension 0 is 2, but N is 1 in input 'x'/);
    expect(await refusal([x], `x=${at('x.npy')}`, `x=${at('x.npy')}`)).toMatch(/input 'x' is given twice/);
  });

  test('file, values and hash are in the verdict, which comes out the same again', async () => {
    const [first, second] = [await check({ data: [at('x.npy')] }), await check({ data: [at('x.npy')] })];
    expect(first.inputs).toEqual(second.inputs);
    expect(first.inputs).toMatchObject([
      {
        label: at('x.npy'),
        source: 'given',
        shapes: { x: [1, 2] },
        files: [{ path: at('x.npy'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }],
      },
    ]);
  });

  test('kinds run beside data when they are asked for; equal labels are told apart', async () => {
    const v = await check({ data: [at('x.npy'), at('x.npy')], kinds: ['zeros'], shapes: { symbols: { N: [1, 4] } } });
    expect(v.inputs.map(i => i.label.replace(`${folder}/`, ''))).toEqual(['x.npy', 'x.npy (2)', 'zeros', 'zeros x:4x2']);
  });

  test('NaN is fed, and told', async () => {
    const v = await check({ data: [at('nan.npy')] });
    expect(v.status).toBe('different');
    expect(v.warnings).toMatchObject([{ code: 'nan-input', message: expect.stringContaining('1 of 2 values are NaN') }]);
    expect(v.reasons[0]!.message).toMatch(/NaN on both sides.*--equal-nan/);
    expect((await check({ data: [at('nan.npy')], equalNan: true })).status).toBe('same');
  });
});

describe("ONNX's test data", () => {
  test('a folder, a folder of folders in the order of their numbers, a file', async () => {
    const first = async (data: string) => (await load([x], [at(data)])).map(s => numbers(s.feeds())[0]);
    expect(await first('sets/test_data_set_1')).toEqual([2]);
    expect(await first('sets')).toEqual([1, 2, 3]);
    expect(await first('sets/test_data_set_10/input_0.pb')).toEqual([3]);
  });

  test('outputs that A does not reproduce are told, and by how much', async () => {
    const v = await check({ data: [at('sets')] });
    expect(v.status).toBe('same');
    expect(v.warnings).toMatchObject([{ code: 'stored-outputs', where: "output 'y'" }]);
    expect(v.warnings[0]!.message).toMatch(
      /test_data_set_1: relative L2 2\.0e-1, 1 of 2 elements.*worst at \[0,0\]: 2\.5 is stored, 2 comes out/,
    );
  });
});

describe('images', () => {
  const normal = (pixel: number, channel: number) => (pixel / 255 - [0.485, 0.456, 0.406][channel]!) / [0.229, 0.224, 0.225][channel]!;

  test('NCHW, NHWC, uint8; a fixed batch is filled', async () => {
    const values = async (input: ValueMetadata) => numbers((await load([input], [at('photos/b.png')]))[0]!.feeds(), 'image');
    const planes = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255];
    expect(await values(image(['N', 3, 2, 2], 'uint8'))).toEqual(planes);
    expect(await values(image([2, 3, 2, 2], 'uint8'))).toEqual([...planes, ...planes]);
    expect(await values(image(['N', 2, 2, 3], 'uint8'))).toEqual([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
    expect(await values(image([3, 2, 2], 'uint8'))).toEqual(planes);
    const floats = await values(image(['N', 3, 2, 2]));
    for (const [i, value] of floats.entries()) expect(value).toBeCloseTo(normal(planes[i]!, Math.floor(i / 4)), 5);
    const [gray] = await load([image(['N', 1, 2, 2])], [at('photos/b.png')], { images: { mean: [0], std: [1] } });
    const [, , , white] = numbers(gray!.feeds(), 'image');
    expect(white).toBe(1);
  });

  test('a folder: by name, up to the limit, resized', async () => {
    const told: Finding[] = [];
    const sets = await load([image(['N', 3, 5, 7])], [at('photos')], { limit: 2, warn: f => void told.push(f) });
    expect(sets.map(s => s.label)).toEqual([at('photos/a.webp'), at('photos/b.png')]);
    expect(sets[0]!.feeds().image!.dims).toEqual([1, 3, 5, 7]);
    expect(numbers(sets[0]!.feeds(), 'image')).toEqual(numbers(sets[1]!.feeds(), 'image'));
    expect(told).toMatchObject([{ code: 'data-limit', message: 'only the first 2 of 3 images are run' }]);
  });

  test('sizes that the model leaves open must be said', async () => {
    const open = image(['N', 3, 'H', 'W']);
    expect(await refusal([open], at('photos/b.png'))).toMatch(/leaves the size open: say it, such as --shape 'image:1x3x224x224'/);
    const [set] = await load([open], [at('photos/b.png')], { shapes: { symbols: { H: 4, W: [6, 8] } } });
    expect(set!.feeds().image!.dims).toEqual([1, 3, 4, 6]);
  });

  test('what is no image, and what takes none', async () => {
    expect(await refusal([image(['N', 3, 2, 2])], at('text.png'))).toMatch(/text.png: not an image that can be decoded/);
    expect(await refusal([image(['N', 3, 2, 2])], at('cut.jpg'))).toMatch(/cut.jpg: not an image that can be decoded/);
    expect(await refusal([x], at('photos'))).toMatch(/a.webp: input 'x' is \[N,2\], which takes no image/);
    expect(await refusal([image(['N', 5, 8, 8])], at('photos'))).toMatch(/where are its 3 channels, or 1\?/);
    expect(await refusal([image(['N', 3, 2, 2], 'int32')], at('photos'))).toMatch(/is int32: an image becomes floats or uint8/);
  });
});

describe('generators', () => {
  const give = (data: unknown, label?: string): InputGenerator =>
    [{ ...(label && { label }), feeds: { x: { dims: [1, 2], data } } }] as never;

  test('a module of TypeScript, with helpers of its own; it is told inputs and seed', async () => {
    put('scale.ts', 'export const scale = (n: number): number => n * 10;\n');
    put(
      'gen.ts',
      `import type { InputGenerator } from 'onnx-funnel';
      import { scale } from './scale.ts';
      export default (async function* ({ inputs, seed }) {
        yield { label: inputs[0]!.name, feeds: { x: { dims: [1, 2], data: [scale(seed), 0.5] } } };
        yield { feeds: { x: { dims: [1, 2], data: new Float32Array([1, 2]) } } };
      }) satisfies InputGenerator;`,
    );
    const sets = await load([x], [at('gen.ts')]);
    expect(sets.map(s => [s.label.replace(`${folder}/`, ''), ...numbers(s.feeds())])).toEqual([
      ['gen.ts: x', 30, 0.5],
      ['gen.ts: 1', 1, 2],
    ]);
    expect(sets[0]!.files).toMatchObject([{ path: at('gen.ts') }]);
  });

  test('lists, functions that return them, CommonJS; the input’s element type is the default', async () => {
    put('gen.cjs', 'module.exports = async () => [{ feeds: { ids: { dims: [2], data: [1n, 2] } } }];\n');
    const [set] = await load([ids], [at('gen.cjs')]);
    expect(set!.feeds().ids!.dtype).toBe('int64');
    expect(numbers((await load([x], [give([1, 2])]))[0]!.feeds())).toEqual([1, 2]);
  });

  test('one without an end is stopped at the limit', async () => {
    let asked = 0;
    const endless = function* () {
      for (;;) yield { feeds: { x: { dims: [1, 2], data: [asked++, 0] } } };
    };
    const told: Finding[] = [];
    expect(await load([x], [endless], { limit: 3, warn: f => void told.push(f) })).toHaveLength(3);
    expect([asked, told.map(f => f.code)]).toEqual([4, ['data-limit']]);
  });

  test('what goes wrong in one is told in a line', async () => {
    put('throws.ts', "export default function* () { throw new Error('no more data\\nat all'); }\n");
    put('broken.ts', 'export default {');
    put('none.ts', 'export const x = 1;');
    expect(await refusal([x], at('throws.ts'))).toBe('throws.ts threw an error: no more data');
    expect(await refusal([x], at('broken.ts'))).toMatch(/broken.ts:1:\d+ can't be loaded/);
    expect(await refusal([x], at('none.ts'))).toMatch(/none.ts exports nothing by default/);
    expect(await refusal([x], [])).toBe('the generator gave no input set');
    expect(await refusal([x], (() => 5) as never)).toMatch(/gives nothing that can be gone through/);
    expect(await refusal([x], [{ feeds: { xx: { dims: [1, 2], data: [1, 2] } } }])).toMatch(/unknown input 'xx'; did you mean 'x'/);
    expect(await refusal([x], [{}] as never)).toMatch(/without 'feeds'/);
    expect(await refusal([x], give([1]))).toMatch(/0: input 'x' has 1 values, its dims \[1,2\] want 2/);
    expect(await refusal([x], give([1, 'two'], 'odd'))).toMatch(/odd: input 'x' is float, but value 1 is two/);
    expect(await refusal([ids], [{ feeds: { ids: { dims: [1], data: [1.5] } } }])).toMatch(/is int64, but value 0 is 1.5/);
    expect(await refusal([x], [{ feeds: { x: { data: [1, 2] } } }] as never)).toMatch(/has no 'dims'/);
  });
});

describe('tolerances and rankings', () => {
  const two = (a: string, b: string) =>
    model(
      `g (float[N, 4] x) => (float[N, 4] y, float[N, 4] z) <float[4] c = {${a}}, float[4] d = {${b}}> { y = Add (x, c) z = Add (x, d) }`,
    );
  const zero = '0.0, 0.0, 0.0, 0.0';
  const data = [[{ feeds: { x: { dims: [2, 4], data: [1, 2, 3, 4, 4, 3, 2, 1] } } }]];

  test('by output, beside one for all', async () => {
    const [a, b] = [two(zero, zero), two('0.1, 0.0, 0.0, 0.0', '0.001, 0.0, 0.0, 0.0')];
    const status = async (tolerances: VerifyOptions['tolerances']) =>
      (await check({ data, tolerances: { rtol: 0, ...tolerances } }, a, b)).status;
    expect(await status({ atol: 0.01 })).toBe('different');
    expect(await status({ atol: 0.01, outputs: { y: { atol: 0.11 } } })).toBe('same');
    expect(await status({ atol: 0.11, outputs: { z: { atol: 1e-4 } } })).toBe('different');
    expect(await status({ atol: 0.01, outputs: { y: { rtol: 0.11 } } })).toBe('same');
  });

  test('what would have passed is said, and passes', async () => {
    const [a, b] = [two(zero, zero), two('0.123456, 0.0, 0.0, 0.0', zero)];
    const v = await check({ data }, a, b);
    const atol = Number(/an atol of (\S+) would have passed/.exec(v.reasons[0]!.message)?.[1]);
    expect(atol).toBeGreaterThan(0.1);
    expect((await check({ data, tolerances: { atol } }, a, b)).status).toBe('same');
    expect((await check({ data, tolerances: { atol: atol * 0.9 } }, a, b)).status).toBe('different');
  });

  test('the worst input is told of, and one that is wrong in another way', async () => {
    const [a, b] = [two(zero, zero), two('0.0, 0.0, 1.5, 0.0', zero)];
    const set = (...values: readonly number[]) => ({ feeds: { x: { dims: [1, 4], data: values } } });
    const v = await check(
      { data: [[set(9, 8, 0, 0), set(0, 0, 19, 20)]], topK: [1], minAgreement: 1, tolerances: { atol: 1, rtol: 0 } },
      a,
      b,
    );
    const told = v.reasons[0]!.message;
    expect(told).toMatch(/^1 of 4 elements outside the tolerance; .*; and .*as rankings they agree only to 0 % for k = 1/);
    expect(told).not.toContain('would have passed');
    const plain = await check({ data: [[set(9, 8, 0.25, 0), set(9, 8, 30, 0)]], tolerances: { atol: 1 } }, a, b);
    expect(plain.reasons[0]!.message).toContain('worst at [0,2]: 0.25 became 1.75');
    expect(plain.reasons[0]!.message).toMatch(/an atol of 1\.5e\+0 would have passed under all inputs$/);
  });

  test('rankings are counted; they decide where an agreement is asked for', async () => {
    const [a, b] = [two(zero, zero), two('0.0, 0.0, 1.5, 0.0', zero)];
    const given = { data, topK: [1, 2], tolerances: { atol: 9 } };
    const v = await check(given, a, b);
    expect(v.status).toBe('same');
    expect(v.configurations[0]!.results.map(r => r.comparison.topK)).toEqual([
      [
        { k: 1, agreement: 0.5 },
        { k: 2, agreement: 0.75 },
      ],
      [
        { k: 1, agreement: 1 },
        { k: 2, agreement: 1 },
      ],
    ]);
    expect((await check({ ...given, minAgreement: 0.5 }, a, b)).status).toBe('same');
    const refused = await check({ ...given, minAgreement: 0.6 }, a, b);
    expect(refused.status).toBe('different');
    expect(refused.reasons[0]!.message).toMatch(/as rankings they agree only to 50 % for k = 1, to 75 % for k = 2/);
  });
});

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
