import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { onnx } from 'onnx-proto';
import { afterAll, describe, expect, test } from 'vitest';
import { classify, RuntimeFailure } from '../src/runtime/failure.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode, encodePieces } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { failure, lastingForever, model, runtime } from './support/runtime.ts';

afterAll(() => runtime.close());

const one = { x: Tensor.of('float', [], [1]) };
const takingMemory = (elements: string) =>
  model(`
  g (float x) => (float y) <int64[2] s = {${elements}}> { e = Expand (x, s) y = ReduceSum <keepdims = 0> (e) }`);

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
