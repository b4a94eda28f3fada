import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cloneModel } from '../src/ir/clone.ts';
import type { Model } from '../src/ir/model.ts';
import { decode, encode, encodePieces, read } from '../src/serde/model-file.ts';
import { StoredField } from '../src/serde/stored.ts';
import { ProtoStorage } from '../src/serde/tensors.ts';
import { fingerprintOf, sameBits } from '../src/tensor/fingerprint.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { corpus } from './support/corpus.ts';
import { model, relu, tensor, valueInfo } from './support/onnx-bytes.ts';
import { int, message, sub, varint } from './support/wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inPlace = (path: string) => read(path, { inPlace: true });
const touched = (m: Model) => {
  const copy = cloneModel(m);
  copy.producerName += ' (touched)';
  return encode(copy);
};
const weights = (m: Model): Map<string, Tensor> =>
  new Map([...m.graph.constants].flatMap(({ name, definition }) => (definition.kind === 'constant' ? [[name, definition.tensor]] : [])));
const isStored = (t: Tensor | undefined) =>
  t?.storage instanceof ProtoStorage && t.storage.proto.$unknowns?.some(field => field instanceof StoredField);

const ramp = (size: number) => Array.from({ length: size }, (_, i) => i / 7);
const floats = (size: number) => new Uint8Array(Float32Array.from(ramp(size)).buffer);
const text = (size: number) => 'ä'.repeat(size / 2);
const group = (number: number, ...parts: readonly Uint8Array[]) => message(varint(number * 8 + 3), ...parts, varint(number * 8 + 4));

/** Large fields of every sort, and small ones before, between and behind them. */
const bytes = model(
  8,
  message(
    sub(
      1,
      relu(
        'x',
        'y',
        sub(5, message(sub(1, 'note'), sub(4, text(200_000)), int(20, 3))),
        sub(5, message(sub(1, 'numbers'), sub(8, message(...Array.from({ length: 90_000 }, (_, i) => varint(i)))), int(20, 7))),
        sub(5, message(sub(1, 'table'), sub(5, tensor('', ramp(50_000))), int(20, 4))),
        sub(1000, text(70_000)),
      ),
    ),
    sub(2, 'g'),
    sub(5, tensor('raw', ramp(300_000))),
    sub(5, tensor('small', ramp(10))),
    sub(5, message(int(1, 40_000), int(2, 1), sub(4, floats(40_000)), sub(8, 'typed'))),
    sub(5, message(int(1, 70_000), int(2, 2), sub(5, new Uint8Array(70_000).fill(200 & 127)), sub(8, 'narrow'))),
    group(1001, sub(1, text(40_000)), sub(2, 'inside'), sub(3, text(40_000))),
    group(1002, sub(1, text(20_000)), sub(2, text(20_000)), int(3, 5)),
    sub(11, valueInfo('x')),
    sub(12, valueInfo('y')),
  ),
  sub(6, text(100_000)),
);
const path = join(folder, 'large.onnx');
writeFileSync(path, bytes);

describe('a model that is read in place', () => {
  test('says what it says in memory', async () => {
    const [stored, whole] = [await inPlace(path), decode(bytes)];
    const [a, b] = [weights(stored), weights(whole)];
    expect([...a.keys()]).toEqual(['raw', 'small', 'typed', 'narrow']);
    for (const [name, tensor] of a) {
      expect(sameBits(tensor, b.get(name)!), name).toBe(true);
      expect(fingerprintOf(tensor)).toBe(fingerprintOf(b.get(name)!));
      expect(Buffer.compare(tensor.bytes(), b.get(name)!.bytes())).toBe(0);
    }
    expect(sameBits(a.get('raw')!, a.get('typed')!)).toBe(false);
    const attribute = (m: Model, name: string) => [...m.graph.nodes()][0]!.attributes.get(name)!.value;
    for (const name of ['note', 'numbers']) expect(attribute(stored, name)).toEqual(attribute(whole, name));
    expect(sameBits(attribute(stored, 'table') as Tensor, attribute(whole, 'table') as Tensor)).toBe(true);
  });

  test('leaves in the file what is large, and has in memory what is small', async () => {
    const tensors = weights(await inPlace(path));
    expect([...tensors].filter(([, t]) => isStored(t)).map(([name]) => name)).toEqual(['raw', 'typed', 'narrow']);
  });

  test('is written byte for byte, and as in memory where it was changed', async () => {
    expect(Buffer.compare(encode(await inPlace(path)), bytes)).toBe(0);
    expect(Buffer.compare(touched(await inPlace(path)), touched(decode(bytes)))).toBe(0);
    const pieces = [...encodePieces(await inPlace(path))].map(piece => piece.length);
    expect(Math.max(...pieces)).toBeLessThan(bytes.length / 4);
  });

  test('is refused once its file is another', async () => {
    const other = join(folder, 'other.onnx');
    writeFileSync(other, bytes);
    const raw = weights(await inPlace(other)).get('raw')!;
    writeFileSync(other, bytes.subarray(0, -1));
    expect(() => raw.bytes()).toThrow(/other\.onnx was changed while it was in use/);
    expect(() => [...raw.pieces()]).toThrow(/was changed/);
    rmSync(other);
    expect(() => raw.bytes()).toThrow(/there is no such file/);
  });

  test.each([
    ['cut off', bytes.subarray(0, bytes.length / 2)],
    ['no model', Buffer.from('PK\u0003\u0004 and so on')],
    ['of the wrong size', model(8, message(sub(5, tensor('w', ramp(50_000), int(1, 3)))))],
    ['empty', new Uint8Array()],
  ])('that is %s is told of in the same words', async (name, broken) => {
    const file = join(folder, `${name}.onnx`);
    writeFileSync(file, broken);
    const message = await read(file).catch(error => error.message);
    expect(message).toBeTypeOf('string');
    await expect(inPlace(file)).rejects.toThrow(message);
  });

  test('that is not there is told of, too', async () => {
    await expect(inPlace(join(folder, 'gone.onnx'))).rejects.toThrow(/there is no such file/);
    await expect(inPlace(folder)).rejects.toThrow(/directory/);
  });
});

test.skipIf(corpus().length === 0)('real models are the same in place', async () => {
  for (const file of corpus()) {
    const whole = readFileSync(file);
    const m = await inPlace(file);
    expect(Buffer.compare(encode(m), whole), file).toBe(0);
    expect(Buffer.compare(touched(m), touched(decode(whole))), file).toBe(0);
  }
});
