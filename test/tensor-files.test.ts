import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, test } from 'vitest';
import { FunnelError } from '../src/errors.ts';
import { readNpy } from '../src/serde/npy.ts';
import { readTensorFile } from '../src/serde/tensor-file.ts';
import { normal, random } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { npy, npz, safetensors } from './support/tensor-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-weights-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

describe('hostile files', () => {
  const good = npy(Tensor.of('float', [2, 3], [1, 2, 3, 4, 5, 6]));
  const header = (text: string, data = new Uint8Array(0)) => npyOf(text, data);

  test('both byte orders and both element orders', () => {
    const values = (t: Tensor) => Array.from(t.numbers());
    expect(values(readNpy(good, 'x'))).toEqual([1, 2, 3, 4, 5, 6]);
    const big = header("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", Uint8Array.of(1, 0, 0, 2));
    expect(values(readNpy(big, 'x'))).toEqual([256, 2]);
    const columns = header("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", Uint8Array.of(1, 4, 2, 5, 3, 6));
    expect(values(readNpy(columns, 'x'))).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['cut off', good.subarray(0, 40), /cut off/],
    ['objects', header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"), /not numbers/],
    ['too little data', good.subarray(0, -1), /wants 24 bytes of data, there are 23/],
    ['no header', header('nonsense'), /header can not be read/],
    ['a shape beyond memory', header("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 9999999999), }"), /there are 0/],
  ])('.npy: %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'a.npy')).toThrow(message);
  });

  test('neither of them', async () => {
    await expect(readTensorFile(file('x.txt', new TextEncoder().encode('hello')))).rejects.toThrow(/neither \.npz nor/);
    await expect(readTensorFile(join(folder, 'absent.npz'))).rejects.toThrow(/no such file/);
    await expect(readTensorFile(folder)).rejects.toThrow(/directory/);
  });

  test('a zip that would fill memory is refused before it does', async () => {
    const bomb = zipSync({ 'a.npy': new Uint8Array(1000) });
    // The central directory's and the local header's uncompressed size.
    for (const signature of [0x02014b50, 0x04034b50]) {
      const view = new DataView(bomb.buffer, bomb.byteOffset);
      for (let i = 0; i + 30 < bomb.length; i++)
        if (view.getUint32(i, true) === signature) view.setUint32(i + (signature === 0x02014b50 ? 24 : 22), 0xfffffff0, true);
    }
    await expect(readTensorFile(file('bomb.npz', bomb))).rejects.toThrow(/would inflate to more than 2 GiB/);
  });

  test('a zip with another byte in its data is damaged', async () => {
    const stored = zipSync({ 'a.npy': good }, { level: 0 });
    const at = Buffer.from(stored).indexOf(Buffer.from(good.subarray(-8)));
    stored[at]! ^= 1;
    await expect(readTensorFile(file('crc.npz', stored))).rejects.toThrow(/damaged: the checksum of a\.npy differs/);
  });

  test.each(['npz', 'safetensors', 'npy'])('%s with flipped and missing bytes gives errors of ours, or tensors', async kind => {
    const small = new Map([['act.weight', Tensor.of('float', [1, 1, 3, 3], normal(1, 9))]]);
    const whole = kind === 'npz' ? npz(small) : kind === 'npy' ? npy(small.get('act.weight')!) : safetensors(small);
    const next = random(kind);
    for (let i = 0; i < 300; i++) {
      const bytes = Uint8Array.from(whole).subarray(0, next() < 0.5 ? Math.floor(next() * whole.length) : whole.length);
      for (let flips = Math.floor(next() * 4); flips >= 0 && bytes.length > 0; flips--)
        bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
      try {
        for (const tensor of (await readTensorFile(file('fuzz', bytes))).values()) tensor.elements();
      } catch (error) {
        expect(error, String(error)).toBeInstanceOf(FunnelError);
      }
    }
  });
});

function npyOf(text: string, data: Uint8Array): Uint8Array {
  const head = new TextEncoder().encode(`${text.padEnd(117)}\n`);
  return Uint8Array.from([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, head.length & 255, head.length >> 8, ...head, ...data]);
}
