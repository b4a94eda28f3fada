import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { onnx } from 'onnx-proto';
import { afterAll, describe, expect, test } from 'vitest';
import { FunnelError, ProviderUnavailable } from '../src/errors.ts';
import { describeAdapter } from '../src/runtime/adapters.ts';
import { classify, RuntimeFailure } from '../src/runtime/failure.ts';
import { childEnvironment } from '../src/runtime/providers.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode, encodePieces } from '../src/serde/model-file.ts';
import type { DType } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';

const runtime = new Runtime();
afterAll(() => runtime.close());

const model = (text: string) => ({ bytes: encode(parse(text)) });
const one = { x: Tensor.of('float', [], [1]) };
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );
const lastingForever = model(`
  g (float x) => (float y) <int64 n = {1000000000000}> {
    y = Loop (n, , x) <body = b (int64 i, bool c, float v) => (bool c2, float v2) { c2 = Identity (c) v2 = Add (v, v) }>
  }`);
const takingMemory = (elements: string) =>
  model(`
  g (float x) => (float y) <int64[2] s = {${elements}}> { e = Expand (x, s) y = ReduceSum <keepdims = 0> (e) }`);

describe('types', () => {
  test('outputs without a declared type come back typed', async () => {
    const found = await runtime.outputTypes(
      model('g (float[N, 3] x, int64[?] i) => (y, z, s) { y = Relu (x) z = Cast <to = 16> (x) s = Size (i) }'),
    );
    expect(found.inputs).toEqual([
      { name: 'x', dtype: 'float', shape: ['N', 3] },
      { name: 'i', dtype: 'int64', shape: [undefined] },
    ]);
    expect(found.outputs.map(o => [o.name, o.dtype, o.shape])).toEqual([
      ['y', 'float', ['N', 3]],
      ['z', 'bfloat16', ['N', 3]],
      ['s', 'int64', []],
    ]);
  });

  test('strict inference refuses a shape that is declared wrongly', async () => {
    const wrong = model('g (float[1, 3] x) => (float[1, 4] y) { y = Relu (x) }');
    await expect(runtime.outputTypes(wrong)).resolves.toBeDefined();
    await expect(runtime.outputTypes(wrong, { strictShapes: true })).rejects.toThrow(RuntimeFailure);
  });
});

describe('run', () => {
  const dtypes: DType[] = ['float', 'double', 'float16', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64', 'bool'];
  test.each(dtypes)('%s goes in and out', async dtype => {
    const x = Tensor.of(dtype, [3], [1, 0, 1]);
    const { outputs } = await runtime.run({ model: model(`g (${dtype}[3] x) => (${dtype}[3] y) { y = Identity (x) }`), feeds: [{ x }] });
    expect(outputs[0]!.y!.dtype).toBe(dtype);
    expect(Buffer.from(outputs[0]!.y!.bytes())).toEqual(Buffer.from(x.bytes()));
  });

  test('strings go in and out', async () => {
    const x = Tensor.ofStrings([2], [Buffer.from('a'), Buffer.from('é')]);
    const { outputs } = await runtime.run({ model: model('g (string[2] x) => (string[2] y) { y = Identity (x) }'), feeds: [{ x }] });
    expect(outputs[0]!.y!.strings().map(String)).toEqual(['a', 'é']);
  });

  test('big tensors and several feeds keep their values', async () => {
    const n = 100_003;
    const feeds = [1, 2].map(k => ({
      x: Tensor.of(
        'float',
        [n],
        Float32Array.from({ length: n }, (_, i) => i * k),
      ),
      h: Tensor.of('int64', [1], [k]),
    }));
    const text = 'g (float[n] x, int64[1] h) => (float[n] y, int64[1] k) { y = Neg (x) k = Neg (h) }';
    const { outputs, adapter } = await runtime.run({ model: model(text), feeds });
    expect(adapter).toBe('CPU');
    expect(outputs.map(o => [o.y!.numbers()[n - 1], o.k!.numbers()[0]])).toEqual([
      [-(n - 1), -1],
      [-(n - 1) * 2, -2],
    ]);
  });

  test('one output can be asked for, and nodes are counted', async () => {
    const session = await runtime.open(model('g (float x) => (float y, float z) { y = Neg (x) z = Abs (x) }'), { placement: true });
    expect(Object.keys(await session.run(one, ['z']))).toEqual(['z']);
    expect(session.placement?.nodes).toEqual({ CPUExecutionProvider: 2 });
    await session.close();
  });

  test('external data is found beside a path, and in the folder given with bytes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'funnel-test-'));
    try {
      writeFileSync(join(folder, 'w.bin'), Buffer.from(new Float32Array([2, 3]).buffer));
      const external = onnx.ModelProto.encode(protoOf({ dataLocation: 1, externalData: [{ key: 'location', value: 'w.bin' }] })).finish();
      writeFileSync(join(folder, 'm.onnx'), external);
      for (const source of [{ path: join(folder, 'm.onnx') }, { bytes: external, directory: folder }]) {
        const { outputs } = await runtime.run({ model: source, feeds: [{ x: Tensor.of('float', [2], [1, 1]) }] });
        expect([...(outputs[0]!.y!.numbers() as Float32Array)]).toEqual([2, 3]);
      }
      expect(await failure(runtime.outputTypes({ bytes: external }))).toMatchObject({ kind: 'error', category: 'load' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** y = x · w, the weight as given. */
function protoOf(weight: object): onnx.ModelProto {
  const value = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } } });
  const graph = { name: 'g', node: [{ opType: 'Mul', input: ['x', 'w'], output: ['y'] }], input: [value('x')], output: [value('y')] };
  const initializer = [{ name: 'w', dims: [2], dataType: 1, ...weight }];
  return onnx.ModelProto.fromObject({ irVersion: 8, opsetImport: [{ version: 17 }], graph: { ...graph, initializer } });
}

describe('failures', () => {
  test.each([
    ['an empty file', { bytes: new Uint8Array(0) }, 'load'],
    ['no protobuf', { bytes: new Uint8Array([1, 2, 3]) }, 'load'],
    ['no file', { path: '/nowhere/m.onnx' }, 'load'],
    ['unknown operator', model('g (float x) => (float y) { y = Foo (x) }'), 'unsupported-op'],
    ['type error', model('g (float x, int64 i) => (float y) { y = Add (x, i) }'), 'load'],
    ['no kernel', model('g (double[1,1,3,3] x, double[1,1,3,3] w) => (y) { y = Conv (x, w) }'), 'not-implemented'],
    ['opset of the future', model('<ir_version: 8, opset_import: ["": 40]> g (float x) => (float y) { y = Relu (x) }'), 'unsupported-op'],
  ])('%s', async (_, source, category) => {
    const error = (await failure(runtime.outputTypes(source))) as RuntimeFailure;
    expect(error).toBeInstanceOf(RuntimeFailure);
    expect(error).toMatchObject({ kind: 'error', category, code: 'E_RUNTIME' });
    expect(error.message).not.toMatch(/onnxruntime_src|\n|\.cc:/);
  });

  test('inputs that do not fit', async () => {
    const relu = model('g (float[2] x) => (float[2] y) { y = Relu (x) }');
    for (const feeds of [{}, { x: Tensor.of('float', [3], [1, 2, 3]) }, { x: Tensor.of('double', [2], [1, 2]) }])
      expect(await failure(runtime.run({ model: relu, feeds: [feeds] }))).toMatchObject({ kind: 'error', category: 'shape' });
  });

  test('types that the binding can not pass', async () => {
    const cast = model('g (float x) => (bfloat16 y) { y = Cast <to = 16> (x) }');
    expect(await failure(runtime.run({ model: cast, feeds: [one] }))).toMatchObject({ kind: 'error', category: 'not-implemented' });
  });

  test('an allocation that fails is an error, and the process lives on', async () => {
    const huge = takingMemory('10000000, 10000000');
    expect(await failure(runtime.run({ model: huge, feeds: [one] }))).toMatchObject({ kind: 'error', category: 'memory' });
  });

  test('C++ locations are taken out', () => {
    const text =
      '/onnxruntime_src/onnxruntime/core/framework/op_kernel.cc:83 virtual void onnxruntime::F(const T&) [with T = X] ok was false. It broke\nhere';
    expect(classify(text).message).toBe('It broke here');
  });

  test.each([
    ['2026-11-25 07:12:33.123456789 [E:onnxruntime:, sequential_executor.cc:572 ExecuteKernel] It broke', 'It broke'],
    ['\x1b[1;31m2026-11-25 07:12:33.1 [W:onnxruntime:Default, a.cc:1 f] It broke\x1b[m', 'It broke'],
    ['[4711:4712:1125/071233.123456:ERROR:vulkan.cc(12)] It broke', 'It broke'],
    ['(node:4711) Warning: it broke', 'Warning: it broke'],
    ['[4711:0x55d1c8a0]     1234 ms: Mark-Compact', 'Mark-Compact'],
    ['pid 4711, thread 140237, at 0x7f12ab34cd56: it broke', 'pid …, thread …, at 0x…: it broke'],
    // What is the model's, stays.
    ['Input shape:{2,200}, node 0x12 of 2026-11-25', 'Input shape:{2,200}, node 0x12 of 2026-11-25'],
  ])('what is another in every run is taken out: %s', (text, message) => {
    expect(classify(text).message).toBe(message);
  });

  test('messages name no temporary file, and a file as it was given', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'funnel-names-'));
    const near = relative(process.cwd(), folder);
    const broken = encode(parse('<ir_version: 8, opset_import: ["" : 17, "own" : 1]> g (float x) => (float y) { y = own.Odd (x) }'));
    writeFileSync(join(folder, 'broken.onnx'), broken);
    const large = new Uint8Array([...broken, ...onnx.ModelProto.encode({ docString: ' '.repeat(1e5) }).finish()]);
    const messages: string[] = [];
    for (const source of [{ path: join(near, 'broken.onnx') }, { path: join(near, 'none.onnx') }, { bytes: large }, { bytes: large }]) {
      messages.push(((await failure(runtime.open(source))) as Error).message);
    }
    rmSync(folder, { recursive: true });
    expect(messages[0]).toMatch(`Load model from ${join(near, 'broken.onnx')} failed`);
    expect(messages[1]).toMatch(`Load model from ${join(near, 'none.onnx')} failed`);
    expect(messages[2]).toMatch(/^Load model from the model failed/);
    expect(messages[3]).toBe(messages[2]);
  });
});

describe('limits', () => {
  test('time', async () => {
    const limited = new Runtime({ timeout: 1000 });
    expect(await failure(limited.run({ model: lastingForever, feeds: [one] }))).toMatchObject({ kind: 'timeout', category: 'timeout' });
    await limited.close();
  });

  test.runIf(process.platform === 'linux')('memory', async () => {
    const limited = new Runtime({ memoryLimit: 400e6 });
    expect(await failure(limited.run({ model: takingMemory('1000, 400000'), feeds: [one] }))).toMatchObject({
      kind: 'memory',
      category: 'memory',
    });
    expect(limited.peakMemory).toBeGreaterThan(300e6);
    await limited.close();
  });

  test.runIf(process.platform === 'linux')('a child that dies is a failure, and the next request gets another child', async () => {
    const mortal = new Runtime();
    const before = new Set(childrenOf(process.pid));
    await mortal.describe();
    const [pid] = childrenOf(process.pid).filter(p => !before.has(p));
    const running = failure(mortal.run({ model: lastingForever, feeds: [one] }));
    setTimeout(() => process.kill(pid!, 'SIGSEGV'), 200);
    expect(await running).toMatchObject({ kind: 'crashed', category: 'crash', message: expect.stringContaining('SIGSEGV') });
    expect((await mortal.run({ model: model('g (float x) => (float y) { y = Neg (x) }'), feeds: [one] })).outputs[0]!.y!.numbers()[0]).toBe(
      -1,
    );
    await mortal.close();
  });

  test.runIf(process.platform === 'linux')('memory is given back where it is much, and no session is open', async () => {
    const mortal = new Runtime();
    const neg = parse('g (float x) => (float y) { y = Neg (x) }');
    const session = await mortal.open({ bytes: encode(neg) });
    expect(await mortal.forget(0)).toBe(false);
    expect((await session.run(one)).y!.numbers()[0]).toBe(-1);
    await session.close();
    expect([await mortal.forget(1e12), await mortal.forget(0), await mortal.forget(0)]).toEqual([false, true, false]);
    expect((await mortal.run({ model: { pieces: encodePieces(neg) }, feeds: [one] })).outputs[0]!.y!.numbers()[0]).toBe(-1);
    expect(mortal.peakMemory).toBeGreaterThan(50e6);
    await mortal.close();
  });

  test('an idle runtime keeps nobody waiting, and leaves no files', () => {
    const source = new URL('../src/runtime/session.ts', import.meta.url).href;
    const script = `import(${JSON.stringify(source)}).then(async ({ Runtime }) => console.log((await new Runtime().describe()).version))`;
    const temporary = mkdtempSync(join(tmpdir(), 'funnel-test-'));
    try {
      const env = { ...process.env, TMPDIR: temporary };
      expect(execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { env, timeout: 20_000 }).toString()).toMatch(
        /^1\.\d+\.\d+\n$/,
      );
      expect(readdirSync(temporary).filter(f => f.startsWith('onnx-funnel-'))).toEqual([]);
    } finally {
      rmSync(temporary, { recursive: true });
    }
  });
});

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

describe('providers', () => {
  test('a name that nobody knows is wrong use', async () => {
    const error = await failure(runtime.open(lastingForever, { provider: 'gpu' }));
    expect(error).toBeInstanceOf(FunnelError);
    expect(error).toMatchObject({ code: 'E_USAGE', message: expect.stringContaining("'gpu'") });
  });

  test.runIf(process.platform === 'linux')('a provider of another platform is not available', async () => {
    const error = await failure(runtime.open(lastingForever, { provider: 'coreml' }));
    expect(error).toBeInstanceOf(ProviderUnavailable);
    expect(error).toMatchObject({ provider: 'coreml', available: expect.arrayContaining(['cpu', 'webgpu']) });
    expect(await runtime.probe('coreml')).toMatchObject({ available: false, remedy: 'use macOS' });
  });

  test('cpu is there', async () => {
    expect(await runtime.probe('cpu')).toEqual({ available: true, adapter: 'CPU' });
  });

  test('cuda is there, or a remedy is', async () => {
    const probe = await runtime.probe('cuda');
    if (probe.available) return;
    expect(probe.why).toMatch(/^onnxruntime-node's library for it (?:is not installed|can't be loaded)|no such provider/);
    expect(probe.remedy).toMatch(/reinstall onnxruntime-node .*ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild/);
  });

  test('a driver that someone names is left alone, and is called what it is', () => {
    const named = { VK_ICD_FILENAMES: '/opt/vk_swiftshader_icd.json', XDG_RUNTIME_DIR: '/run', ORT_DISABLE_TELEMETRY: '1' };
    expect(childEnvironment(named)).toEqual(named);
    if (process.platform !== 'linux') return;
    expect(describeAdapter('webgpu', named)).toBe('software adapter (SwiftShader)');
    expect(describeAdapter('webgpu', { VK_DRIVER_FILES: '/x/nvidia_icd.json' })).toBe('default Vulkan adapter (nvidia_icd.json)');
    expect(childEnvironment({ FUNNEL_SWIFTSHADER: '/s.json' })).toMatchObject({ VK_ICD_FILENAMES: '/s.json', VK_DRIVER_FILES: '/s.json' });
  });
});

const webgpu = await runtime.probe('webgpu');
if (!webgpu.available) console.warn(`NOT TESTED: webgpu is not available (${webgpu.why}); ${webgpu.remedy}`);

describe.runIf(webgpu.available)('webgpu', () => {
  const conv = model('g (float[1,1,3,3] x) => (float[1,1,1,1] y) <float[1,1,3,3] w = {1,1,1,1,1,1,1,1,1}> { y = Conv (x, w) }');
  const x = Tensor.of('float', [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

  test('computes, and tells where', async () => {
    const { outputs, placement, adapter } = await runtime.run({ model: conv, provider: 'webgpu', optimization: 'all', feeds: [{ x }] });
    expect(outputs[0]!.y!.numbers()[0]).toBe(45);
    expect(placement?.nodes.WebGpuExecutionProvider).toBeGreaterThan(0);
    expect(placement?.fallbacks).toEqual([]);
    expect(adapter).toMatch(/adapter/);
  });

  test('nodes that fell back to the CPU are named', async () => {
    const text = 'g (float[2,2] x) => (float z) { y = Relu (x) z = Det (y) }';
    const { placement } = await runtime.run({
      model: model(text),
      provider: 'webgpu',
      feeds: [{ x: Tensor.of('float', [2, 2], [1, 2, 3, 4]) }],
    });
    expect(placement?.fallbacks.map(f => f.operator)).toEqual(['Det']);
  });

  test('a run that the CPU does alone is no run', async () => {
    const det = model('g (float[2,2] x) => (float y) { y = Det (x) }');
    const run = runtime.run({ model: det, provider: 'webgpu', feeds: [{ x: Tensor.of('float', [2, 2], [1, 2, 3, 4]) }] });
    await expect(run).rejects.toThrow(ProviderUnavailable);
  });

  test('a crash of the native library is a failure', async () => {
    const proto = onnx.ModelProto.decode(conv.bytes);
    proto.graph!.node![0]!.input!.push('');
    const crashing = { bytes: onnx.ModelProto.encode(proto).finish() };
    const run = runtime.run({ model: crashing, provider: 'webgpu', optimization: 'all', feeds: [{ x }] });
    expect(await failure(run)).toMatchObject({ kind: 'crashed', category: 'crash' });
    expect(await runtime.outputTypes(crashing)).toBeDefined();
  });
});
