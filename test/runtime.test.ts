import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { afterAll, describe, expect, test } from 'vitest';
import { FunnelError, ProviderUnavailable } from '../src/errors.ts';
import { describeAdapter } from '../src/runtime/adapters.ts';
import { RuntimeFailure } from '../src/runtime/failure.ts';
import { childEnvironment } from '../src/runtime/providers.ts';
import type { DType } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { failure, lastingForever, model, runtime } from './support/runtime.ts';

afterAll(() => runtime.close());

const one = { x: Tensor.of('float', [], [1]) };

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
