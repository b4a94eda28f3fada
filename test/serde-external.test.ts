import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DecodeError, FunnelError } from '../src/errors.ts';
import type { Model } from '../src/ir/model.ts';
import { decode, encode, read, write } from '../src/serde/model-file.ts';
import { isExternal } from '../src/serde/tensors.ts';
import { stage, writeFile } from '../src/serde/write-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { model, relu, smallGraph, valueInfo } from './support/onnx-bytes.ts';
import { int, message, sub } from './support/wire.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'funnel-'));
  mkdirSync(join(folder, 'in'));
  mkdirSync(join(folder, 'out'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...names: string[]) => join(folder, ...names);

const values = Float32Array.from({ length: 600 }, (_, i) => i);
const data = new Uint8Array(values.buffer);

/** A model with one float[600] tensor whose data is elsewhere, as these entries say. */
function external(entries: Record<string, string>, ...more: readonly Uint8Array[]): Uint8Array {
  const places = Object.entries(entries).map(([key, value]) => sub(13, sub(1, key), sub(2, value)));
  const tensor = message(int(1, 600), int(2, 1), sub(8, 'w'), int(14, 1), ...places, ...more);
  return model(8, message(sub(1, relu('w', 'y')), sub(5, tensor), sub(12, valueInfo('y'))));
}

const inFile = external({ location: 'w.data', offset: '0', length: '2400', checksum: 'kept' });
const weights = (m: Model) => [...m.graph.constants].find(value => value.name === 'w')!.constant!;

function lay(bytes: Uint8Array = inFile): string {
  writeFileSync(at('in', 'm.onnx'), bytes);
  writeFileSync(at('in', 'w.data'), data);
  return at('in', 'm.onnx');
}

describe('reading', () => {
  test('reads the elements when asked', async () => {
    const w = weights(await read(lay()));
    expect(isExternal(w)).toBe(true);
    expect(w.numbers()).toEqual(values);
  });

  test('without a length, shape and element type say how much', async () => {
    expect(weights(await read(lay(external({ location: './w.data' })))).numbers()).toEqual(values);
  });

  test('follows links inside the folder of the real model, as download caches lay them out', async () => {
    lay();
    symlinkSync('../in/m.onnx', at('out', 'm.onnx'));
    symlinkSync('../in/w.data', at('out', 'w.data'));
    expect(weights(await read(at('out', 'm.onnx'))).numbers()).toEqual(values);
  });

  test('a model in memory carries it, and reads it when told where', () => {
    lay();
    expect(encode(decode(inFile))).toEqual(inFile);
    expect(() => weights(decode(inFile)).bytes()).toThrow(/without a directory/);
    expect(weights(decode(inFile, { directory: at('in') })).numbers()).toEqual(values);
  });

  test.each([
    ['no location', {}, /no location/],
    ['an absolute location', { location: '/etc/passwd' }, /absolute/],
    ['a drive', { location: 'C:\\w.data' }, /absolute/],
    ['a network path', { location: '\\\\host\\w.data' }, /absolute/],
    ['a way out', { location: '../secret' }, /leads out/],
    ['a way out in the middle', { location: 'sub/../../secret' }, /leads out/],
    ['a way out with backslashes', { location: 'sub\\..\\..\\secret' }, /leads out/],
    ['a NUL', { location: 'w.data\0.txt' }, /NUL/],
    ['a negative offset', { location: 'w.data', offset: '-1' }, /offset '-1'/],
    ['an offset in hexadecimal', { location: 'w.data', offset: '0x10' }, /offset/],
    ['a huge length', { location: 'w.data', length: '99999999999999999999' }, /length/],
    ['a length that the shape does not want', { location: 'w.data', length: '2404' }, /its shape wants 2400/],
  ])('refuses %s at once', async (_, entries, wanted) => {
    const path = lay(external(entries as Record<string, string>));
    await expect(read(path)).rejects.toThrow(DecodeError);
    await expect(read(path)).rejects.toThrow(wanted);
    await expect(read(path)).rejects.toMatchObject({ code: 'E_EXTERNAL', path: 'graph.initializer[0]' });
  });

  test('refuses data inside and outside at once', async () => {
    await expect(read(lay(external({ location: 'w.data' }, sub(9, data))))).rejects.toThrow(/both in the model and in an external file/);
  });

  test.each([
    ['a missing file', () => rmSync(at('in', 'w.data')), /no such file/],
    ['a directory', () => swap(() => mkdirSync(at('in', 'w.data'))), /not a regular file/],
    ['a file that is too short', () => writeFileSync(at('in', 'w.data'), data.subarray(1)), /beyond the file's 2399 bytes/],
    ['a link out of the folder', () => swap(() => symlinkSync('../secret', at('in', 'w.data'))), /outside the model's directory/],
    ['a second name of a file elsewhere', () => swap(() => linkSync(at('secret'), at('in', 'w.data'))), /hard link/],
  ])('refuses %s when the elements are asked for', async (_, break_, wanted) => {
    const m = await read(lay());
    break_();
    expect(() => weights(m).bytes()).toThrow(DecodeError);
    expect(() => weights(m).bytes()).toThrow(wanted);
    await expect(write(m, at('out', 'm.onnx'))).rejects.toThrow(wanted);
    expect(readdirSync(at('out'))).toEqual([]);
  });

  test('a hard link can be allowed', async () => {
    const path = lay();
    linkSync(at('in', 'w.data'), at('second name'));
    expect(weights(await read(path, { allowHardLinks: true })).numbers()).toEqual(values);
  });

  function swap(make: () => void): void {
    writeFileSync(at('secret'), data);
    rmSync(at('in', 'w.data'));
    make();
  }
});

describe('writing', () => {
  test('beside the data: the model still refers to it', async () => {
    const m = await read(lay());
    m.doc = 'changed';
    await write(m, at('in', 'changed.onnx'));
    expect(readdirSync(at('in')).sort()).toEqual(['changed.onnx', 'm.onnx', 'w.data']);
    expect(weights(await read(at('in', 'changed.onnx'))).numbers()).toEqual(values);
    await write(await read(lay()), at('in', 'same.onnx'));
    expect(new Uint8Array(readFileSync(at('in', 'same.onnx')))).toEqual(inFile);
  });

  test('elsewhere: the data comes along, inside the model', async () => {
    await write(await read(lay()), at('out', 'm.onnx'));
    rmSync(at('in'), { recursive: true });
    expect(weights(await read(at('out', 'm.onnx'))).numbers()).toEqual(values);
    const [tensor] = onnx.ModelProto.decode(readFileSync(at('out', 'm.onnx'))).graph!.initializer!;
    expect(tensor).toMatchObject({ externalData: [], dataLocation: 0 });
  });

  test('elsewhere with a data file: it goes there, at page boundaries, with the large tensors', async () => {
    const m = await read(lay());
    m.graph.addConstant('v', Tensor.of('float', [600], values));
    m.graph.addConstant('small', Tensor.of('float', [1], [1]));
    await write(m, at('out', 'm.onnx'), { externalData: 'm.data' });
    expect(readdirSync(at('out')).sort()).toEqual(['m.data', 'm.onnx']);
    expect(statSync(at('out', 'm.data')).size).toBe(4096 + 2400);
    const tensors = onnx.ModelProto.decode(readFileSync(at('out', 'm.onnx'))).graph!.initializer!;
    expect(tensors.map(t => t.externalData!.map(entry => `${entry.key}=${entry.value}`).join(' '))).toEqual([
      'location=m.data offset=0 length=2400',
      'location=m.data offset=4096 length=2400',
      '',
    ]);
    const again = await read(at('out', 'm.onnx'));
    for (const value of again.graph.constants) if (value.name !== 'small') expect(value.constant!.numbers()).toEqual(values);
  });

  test('never over the data that the model still needs', async () => {
    const model = await read(lay());
    await expect(write(model, at('in', 'w.data'))).rejects.toThrow(/holds data of the model/);
    expect(readFileSync(at('in', 'w.data'))).toEqual(Buffer.from(data));
  });

  test('never over a file that is there: it may be the model itself, or the data of another', async () => {
    const path = lay();
    const before = readFileSync(path);
    for (const name of [path.split('/').at(-1)!, 'note.txt']) {
      writeFileSync(at('in', 'note.txt'), 'mine');
      await expect(write(await read(path), at('in', 'out.onnx'), { externalData: name })).rejects.toThrow(/exists already/);
    }
    expect(readFileSync(path)).toEqual(before);
    expect(readFileSync(at('in', 'note.txt'), 'utf8')).toBe('mine');
  });

  test('through a link into another folder: the data is where the model really lies', async () => {
    symlinkSync(at('out', 'real.onnx'), at('in', 'link.onnx'));
    await write(await read(lay()), at('in', 'link.onnx'));
    expect(Buffer.from(weights(await read(at('out', 'real.onnx'))).bytes())).toEqual(Buffer.from(data));
  });

  test('into memory, on demand', () => {
    lay();
    const m = decode(inFile, { directory: at('in') });
    expect(encode(m)).toEqual(inFile);
    expect(weights(decode(encode(m, { inline: true }))).numbers()).toEqual(values);
  });

  test.each([['w.data'], ['../w.data'], ['sub/w.data'], ['changed.onnx'], ['']])('refuses the data file %j', async name => {
    const m = await read(lay());
    await expect(write(m, at('in', 'changed.onnx'), { externalData: name })).rejects.toMatchObject({ code: 'E_WRITE' });
    expect(readdirSync(at('in')).sort()).toEqual(['m.onnx', 'w.data']);
    expect(new Uint8Array(readFileSync(at('in', 'w.data')))).toEqual(data);
  });
});

describe('a file is replaced in one step', () => {
  const old = Buffer.from('old');
  const small = () => decode(model(8, smallGraph));

  test('output may be input, the mode stays, a link keeps pointing', async () => {
    writeFileSync(at('m.onnx'), model(8, smallGraph));
    chmodSync(at('m.onnx'), 0o640);
    symlinkSync('m.onnx', at('link.onnx'));
    const m = await read(at('link.onnx'));
    m.doc = 'changed';
    await write(m, at('link.onnx'));
    expect((await read(at('m.onnx'))).doc).toBe('changed');
    expect(statSync(at('m.onnx')).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['in', 'link.onnx', 'm.onnx', 'out']);
  });

  test('a write that fails in the middle leaves the old file', async () => {
    writeFileSync(at('m.onnx'), old);
    const failing = function* () {
      yield new Uint8Array(10_000);
      throw Object.assign(new Error(), { code: 'ENOSPC' });
    };
    await expect(writeFile(at('m.onnx'), failing())).rejects.toThrow(`can't write ${at('m.onnx')}: the disk is full`);
    expect(readFileSync(at('m.onnx'))).toEqual(old);
    expect(readdirSync(folder).sort()).toEqual(['in', 'm.onnx', 'out']);
  });

  test('a signal removes what is unfinished', async () => {
    const staged = await stage(at('m.onnx'), [old]);
    expect(readdirSync(folder)).toHaveLength(3);
    const ignore = () => undefined;
    process.on('SIGTERM', ignore);
    process.emit('SIGTERM', 'SIGTERM');
    process.off('SIGTERM', ignore);
    expect(readdirSync(folder)).toHaveLength(2);
    await expect(staged.commit()).rejects.toThrow(FunnelError);
    expect(process.listenerCount('SIGTERM')).toBe(0);
  });

  test('a message beyond 2 GiB is refused before anything is written', async () => {
    const m = small();
    const zeros = new Uint8Array(2 ** 30);
    for (const name of ['a', 'b']) m.graph.addConstant(name, Tensor.stored('uint8', [2 ** 30], { bytes: () => zeros }));
    await expect(write(m, at('m.onnx'))).rejects.toMatchObject({
      code: 'E_TOO_LARGE',
      message: expect.stringMatching(/2\.0 GiB.*--external-data/),
    });
    expect(existsSync(at('m.onnx'))).toBe(false);
  });

  test('a file beyond 2 GiB is refused before it is read', async () => {
    writeFileSync(at('large.onnx'), 'GGUF');
    truncateSync(at('large.onnx'), 2 ** 32);
    await expect(read(at('large.onnx'))).rejects.toThrow(/GGUF/);
    writeFileSync(at('large.onnx'), model(8, smallGraph));
    truncateSync(at('large.onnx'), 2 ** 31);
    await expect(read(at('large.onnx'))).rejects.toMatchObject({ code: 'E_TOO_LARGE' });
  });

  test.each([
    ['a directory', () => folder, /it is a directory/],
    ['a folder that is not there', () => at('nowhere', 'm.onnx'), /no such file/],
    ['a file as folder', () => at('file', 'm.onnx'), /not a directory/],
  ])('refuses %s', async (_, target, wanted) => {
    writeFileSync(at('file'), '');
    await expect(write(small(), target())).rejects.toMatchObject({ code: 'E_WRITE', message: expect.stringMatching(wanted) });
  });

  test.skipIf(!existsSync('/dev/full'))('says that a device is full', async () => {
    await expect(write(small(), '/dev/full')).rejects.toMatchObject({
      code: 'E_WRITE',
      message: `can't write /dev/full: the disk is full`,
    });
  });

  test.each([
    ['a missing file', () => at('nowhere.onnx'), /no such file/],
    ['a directory', () => folder, /it is a directory/],
  ])("says why it can't read %s", async (_, path, wanted) => {
    await expect(read(path())).rejects.toMatchObject({ code: 'E_READ', message: expect.stringMatching(wanted) });
  });
});
