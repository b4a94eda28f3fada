import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ValueMetadata } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import type { InputGenerator } from '../src/verify/data/generator.ts';
import type { Finding } from '../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';
import { load, numbers, refusalIn, x } from './support/data.ts';
import { runtime } from './support/runtime.ts';
import { npy, npz } from './support/tensor-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'funnel-data-'));
const at = (name: string) => join(folder, name);
const put = (name: string, content: string | Uint8Array) => writeFileSync(at(name), content);
const refusal = refusalIn(folder);
const relu = { bytes: encode(parse('g (float[N, 2] x) => (float[N, 2] y) { y = Relu (x) }')), label: 'model' };
const check = (options: VerifyOptions) => verify(relu, relu, { runtime, optimizations: ['disabled'], ...options });

const ids: ValueMetadata = { name: 'ids', dtype: 'int64', shape: ['N'] };
const pair = (value = 1) => Tensor.of('float', [1, 2], [value, -2]);
const tensorProto = (t: Tensor, name = '') =>
  onnx.TensorProto.encode({ name, dims: [...t.dims], dataType: t.dtype === 'float' ? 1 : 7, rawData: t.bytes() }).finish();

beforeAll(() => {
  for (const name of ['empty', 'texts', 'sets', 'sets/test_data_set_0', 'sets/test_data_set_1', 'sets/test_data_set_10'])
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
