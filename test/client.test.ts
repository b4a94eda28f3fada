import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientSource } from '../src/codegen/client-source.ts';
import { camelCase, inComment, isIdentifier, literal, pascalCase, unique } from '../src/codegen/identifiers.ts';
import type { Model } from '../src/ir/model.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';

const root = join(import.meta.dirname, '..');
const tiny = readFileSync(join(root, 'fixtures/models/resnet-tiny.onnxtxt'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'client-test-'));
const runtime = new Runtime();
afterAll(async () => {
  await runtime.close();
  rmSync(folder, { recursive: true, force: true });
});

const head = '<ir_version: 8, opset_import: ["": 17]>';
const types = ['float', 'double', 'float16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'string'];
const list = (write: (type: string) => string, separator = ', ') => types.map(write).join(separator);

/** A model whose names are set after the fact: ONNX's text has no such names. */
function renamed(text: string, names: Readonly<Record<string, string>>): Model {
  const model = parse(text);
  for (const value of [...model.graph.inputs, ...model.graph.outputs]) value.name = names[value.name] ?? value.name;
  return model;
}

const hostile = {
  a: 'class',
  b: 'constructor',
  c: `it's "quoted" */ \`\${x}\`\n// \\`,
  d: 'input.1',
  e: 'input_1',
  f: '__proto__',
  g: '入力',
  h: '1',
  i: 'right\u202eto left\u2028',
  o: 'to-string',
  p: '*/ export const evil = 1; /*',
};

const models: Readonly<Record<string, Model>> = {
  Tiny: parse(tiny),
  Types: parse(
    `${head} g (${list(t => `${t}[N] in_${t}`)}) => (${list(t => `${t}[N] out_${t}`)}) { ${list(t => `out_${t} = Identity (in_${t})`, ' ')} }`,
  ),
  Shapes: parse(`${head}
    g (float scalar, float[N, N] square, float[N, "N + 1", ?] more, float[] any) => (float y, float[N, 2] z, w, float[M] wrong) {
      y = Neg (scalar)  axis = Constant <value = int64[1] {1}> ()
      column = ReduceSum <keepdims = 1> (square, axis)  z = Concat <axis = 1> (column, column)  w = Shape (more)  wrong = Identity (any)
    }`),
  Nothing: parse(`${head} g () => (float[2] y) { y = Constant <value = float[2] {1, 2}> () }`),
  Override: parse(`${head} g (float[2] x, float[2] w) => (float[2] y) <float[2] w = {10, 20}> { y = Add (x, w) }`),
  Hostile: renamed(
    `${head} g (float[2] a, float[2] b, float[2] c, float[2] d, float[2] e, float[2] f, float[2] g, float[2] h, float[2] i) => (float[2] o, float[2] p) {
       o = Sum (a, b, c, d, e, f, g, h, i)  p = Neg (i) }`,
    hostile,
  ),
};

/** What runs in a process of its own, where onnxruntime-node is loaded: each line is one thing that a user would do. */
const driver = `
import { TinyClient } from './Tiny.ts';
import { TypesClient } from './Types.ts';
import { ShapesClient } from './Shapes.ts';
import { NothingClient } from './Nothing.ts';
import { OverrideClient } from './Override.ts';
import { HostileClient, type HostileClientInputs } from './Hostile.ts';
import { readFileSync } from 'node:fs';

const results: Record<string, unknown> = {};
const plain = (outputs: object) => Object.fromEntries(
  Object.entries(outputs).map(([key, { data, dims }]) => [key, { kind: data.constructor.name, data: Array.from(data, String), dims }]));
const failure = async (work: Promise<unknown>) => work.then(() => 'none', (e: Error) => e.name + ': ' + e.message);

const image = { data: Float32Array.from({ length: 2 * 3 * 32 * 32 }, (_, i) => Math.sin(i)), dims: [2, 3, 32, 32] } as const;
const tiny = await TinyClient.create('Tiny.onnx', { provider: 'cpu', intraOpNumThreads: 1, graphOptimizationLevel: 'disabled' });
const outputs = await tiny.run({ image });
const classes: 10 = outputs.logits.dims[1];
results.tiny = { classes, ...plain(outputs) };
// @ts-expect-error The image has three channels.
results.channels = await failure(tiny.run({ image: { ...image, dims: [2, 4, 32, 32] } }));
results.elements = await failure(tiny.run({ image: { ...image, dims: [3, 3, 32, 32] } }));
// @ts-expect-error Elements are floats.
results.doubles = await failure(tiny.run({ image: { data: new Float64Array(6144), dims: [2, 3, 32, 32] } }));
// @ts-expect-error There is an input.
results.missing = await failure(tiny.run({}));
results.negative = await failure(tiny.run({ image: { ...image, dims: [-2, 3, 32, 32] } }));
await tiny.dispose();
results.disposed = (await failure(tiny.run({ image }))) !== 'none';
results.other = await failure(TypesClient.create('Tiny.onnx'));
results.provider = await failure(TinyClient.create('Tiny.onnx', { provider: 'nowhere' }));

const types = await TypesClient.create(readFileSync('Types.onnx'));
results.types = plain(await types.run({
  inFloat: { data: Float32Array.of(1.5, -2), dims: [2] }, inDouble: { data: Float64Array.of(1.5, -2), dims: [2] },
  inFloat16: { data: Uint16Array.of(15360, 2), dims: [2] }, inInt8: { data: Int8Array.of(1, -2), dims: [2] },
  inInt16: { data: Int16Array.of(1, -2), dims: [2] }, inInt32: { data: Int32Array.of(1, -2), dims: [2] },
  inInt64: { data: BigInt64Array.of(1n, -2n), dims: [2] }, inUint8: { data: Uint8Array.of(1, 2), dims: [2] },
  inUint16: { data: Uint16Array.of(1, 2), dims: [2] }, inUint32: { data: Uint32Array.of(1, 2), dims: [2] },
  inUint64: { data: BigUint64Array.of(1n, 2n), dims: [2] }, inBool: { data: Uint8Array.of(1, 0), dims: [2] },
  inString: { data: ['a', 'é'], dims: [2] },
}));

const shapes = await ShapesClient.create('Shapes.onnx');
const square = { data: Float32Array.of(1, 2, 3, 4), dims: [2, 2] } as const;
const more = { data: new Float32Array(10), dims: [2, 5, 1] } as const;
const scalar = { data: Float32Array.of(7), dims: [] } as const;
const any = { data: Float32Array.of(1, 2), dims: [2] };
results.shapes = plain(await shapes.run({ scalar, square, more, any }));
results.symbol = await failure(shapes.run({ scalar, square, more: { ...more, dims: [1, 5, 2] }, any }));
results.twice = await failure(shapes.run({ scalar, square: { ...square, dims: [1, 4] }, more, any }));
results.rank = await failure(shapes.run({ scalar, square, more, any: { data: Float32Array.of(1), dims: [1, 1] } }));

results.nothing = plain(await (await NothingClient.create('Nothing.onnx')).run());
results.override = plain(await (await OverrideClient.create('Override.onnx')).run({ x: { data: Float32Array.of(1, 2), dims: [2] } }));

const keys = ['class_', 'constructor_', 'itSQuotedX', 'input1', 'input1_2', 'proto', '入力', 'input1_3', 'rightToLeft'] as const;
const inputs = Object.fromEntries(keys.map((key, i) => [key, { data: Float32Array.of(2 ** i, 0), dims: [2] }])) as unknown as HostileClientInputs;
const all: readonly (keyof HostileClientInputs)[] = keys;
results.hostile = { all, ...plain(await (await HostileClient.create('Hostile.onnx')).run(inputs)) };
console.log(JSON.stringify(results));
`;

const execute = promisify(execFile);
type Given = { readonly kind: string; readonly data: readonly string[]; readonly dims: readonly number[] };
let found: Readonly<Record<string, Readonly<Record<string, Given>> | string | boolean>>;

beforeAll(async () => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [name, model] of Object.entries(models)) {
    writeFileSync(join(folder, `${name}.onnx`), encode(model, { inline: true }));
    writeFileSync(
      join(folder, `${name}.ts`),
      await clientSource(model, { source: `${name}.onnx`, command: `funnel client ${name}.onnx -o ${name}.ts` }),
    );
  }
  writeFileSync(join(folder, 'driver.ts'), driver);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const { stdout } = await execute(process.execPath, ['--import', loader, 'driver.ts'], { cwd: folder });
  found = JSON.parse(stdout);
}, 60_000);

test('clients, and what is written with them, compile under the strictest flags', async () => {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const strict = { ...compilerOptions, rootDir: '.', allowImportingTsExtensions: true, noPropertyAccessFromIndexSignature: false };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: strict, include: ['*.ts'] }));
  const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
  const output = await execute(process.execPath, [tsc, '-p', folder]).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
  expect(output).toBe('');
}, 60_000);

describe('a client', () => {
  test('computes what the runtime computes', async () => {
    const image = Tensor.of(
      'float',
      [2, 3, 32, 32],
      Float32Array.from({ length: 6144 }, (_, i) => Math.sin(i)),
    );
    const { outputs } = await runtime.run({ model: { bytes: encode(parse(tiny)) }, feeds: [{ image }], threads: 1 });
    const logits = Array.from(outputs[0]!.logits!.numbers(), String);
    expect(found.tiny).toEqual({ classes: 10, logits: { kind: 'Float32Array', dims: [2, 10], data: logits } });
  });

  test('takes and gives each type of elements', () => {
    const given = Object.entries(found.types as Record<string, Given>).map(([key, { kind, data }]) => [key, [kind, ...data]]);
    expect(Object.fromEntries(given)).toEqual({
      outFloat: ['Float32Array', '1.5', '-2'],
      outDouble: ['Float64Array', '1.5', '-2'],
      outFloat16: ['Uint16Array', '15360', '2'],
      outInt8: ['Int8Array', '1', '-2'],
      outInt16: ['Int16Array', '1', '-2'],
      outInt32: ['Int32Array', '1', '-2'],
      outInt64: ['BigInt64Array', '1', '-2'],
      outUint8: ['Uint8Array', '1', '2'],
      outUint16: ['Uint16Array', '1', '2'],
      outUint32: ['Uint32Array', '1', '2'],
      outUint64: ['BigUint64Array', '1', '2'],
      outBool: ['Uint8Array', '1', '0'],
      outString: ['Array', 'a', 'é'],
    });
  });

  test('refuses what does not fit, and says what would', () => {
    expect(found.channels).toBe('RangeError: input "image" is [2, 4, 32, 32]; the model says [N, 3, 32, 32]');
    expect(found.elements).toBe('RangeError: input "image" has 6144 elements; [3, 3, 32, 32] are 9216');
    expect(found.doubles).toBe('TypeError: input "image" takes float32 in a Float32Array');
    expect(found.missing).toBe('TypeError: input "image" is missing');
    expect(found.negative).toBe('RangeError: input "image" is [-2, 3, 32, 32], which is no shape');
    expect(found.other).toMatch(/^Error: this is not the model that the client was made for: its inputs are "image", not "in_float", /);
    expect(found.provider).toContain('nowhere');
    expect(found.disposed).toBe(true);
  });

  test('knows scalars, symbols, unknown sizes and ranks', () => {
    expect(found.shapes).toMatchObject({
      y: { dims: [], data: ['-7'] },
      z: { dims: [2, 2], data: ['3', '3', '7', '7'] },
      w: { kind: 'BigInt64Array', data: ['2', '5', '1'] },
      wrong: { dims: [2] },
    });
    expect(found.symbol).toBe('RangeError: input "more" is [1, 5, 2]; the model says [N, N + 1, ?], and N is 2 in this call already');
    expect(found.twice).toBe('RangeError: input "square" is [1, 4]; the model says [N, N], and N is 1 in this call already');
    expect(readFileSync(join(folder, 'Shapes.ts'), 'utf8')).toContain('readonly [N: number, n1: number, number]');
  });

  test('says where the model breaks its own word', () =>
    expect(found.rank).toMatch(/output "wrong" is \[1, 1\]; the model says \[M\]|Error/));

  test('needs no inputs, and leaves out those that the runtime would ignore', () => {
    expect(found.nothing).toMatchObject({ y: { data: ['1', '2'] } });
    expect(found.override).toMatchObject({ y: { data: ['11', '22'] } });
    const text = readFileSync(join(folder, 'Override.ts'), 'utf8');
    expect(text).toContain('Weights that the model lets a caller override');
    expect(text).not.toContain('readonly w:');
  });

  test('has a safe name for every name', () => {
    expect(found.hostile).toMatchObject({ toString_: { data: ['511', '0'] }, exportConstEvil1: { data: ['-256', '0'] } });
    const text = readFileSync(join(folder, 'Hostile.ts'), 'utf8');
    expect(text).not.toMatch(/^export const/m);
    expect(text).not.toMatch(/[\u2028\u202e]/);
  });
});

describe('names', () => {
  test.each([
    ['image', 'image'],
    ['InputIds', 'inputIds'],
    ['NCHW', 'nchw'],
    ['/conv1/Conv_output_0', 'conv1ConvOutput0'],
    ['input.1', 'input1'],
    ['0', 'input0'],
    ['', 'input'],
    ['---', 'input'],
    ['__proto__', 'proto'],
    ['hasOwnProperty', 'hasOwnProperty_'],
    ['then', 'then_'],
    ['delete', 'delete_'],
    ['größe', 'größe'],
    ['𝒳', '𝒳'],
    ['e\u0301tat', 'état'],
  ])('%s', (name, key) => expect(camelCase(name, 'input')).toBe(key));

  test('of classes', () => {
    expect(pascalCase('resnet18-v1.5', 'Model')).toBe('Resnet18V15');
    expect(pascalCase('18', 'Model')).toBe('Model18');
    expect(['ResNet18', '$', '18', 'class', 'a b', ''].map(isIdentifier)).toEqual([true, true, false, false, false, false]);
  });

  test('are given once', () => {
    const used = new Set(['a3']);
    expect(['a', 'a', 'a', 'b1', 'b1'].map(name => unique(name, used))).toEqual(['a', 'a2', 'a4', 'b1', 'b1_2']);
  });

  test('are harmless as literals and in comments', () => {
    for (const text of [...Object.values(hostile), '\ud800', '\0', "\\'", '\\']) {
      // biome-ignore lint/security/noGlobalEval: it reads back what was written
      expect(eval(literal(text))).toBe(text);
      expect(inComment(text)).not.toMatch(/\*\/|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}`]/u);
    }
  });
});
