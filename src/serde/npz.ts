import { crc32 } from 'node:zlib';
import { DecodeError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { readNpy } from './npy.ts';

/** Inflated bytes that an archive may hold: beyond any weights of activations, short of filling memory. */
const LARGEST = 2 ** 31;

/** What a checkpoint of `torch.save` is: a program for Python. */
export const pickled = (where: string): DecodeError =>
  new DecodeError(
    'E_PICKLE',
    `${where} is a pickle of PyTorch, which only Python reads: there, safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')`,
  );

/** Whether bytes begin as a zip archive does. */
export const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);

/**
 * The arrays of a NumPy `.npz` archive, by name without `.npy`.
 * @throws DecodeError for an archive that can't be read, or that would inflate beyond 2 GiB
 */
export async function readNpz(bytes: Uint8Array, where: string): Promise<Map<string, Tensor>> {
  const { unzipSync } = await import('fflate');
  let total = 0;
  let files: Record<string, Uint8Array>;
  const names = new Set<string>();
  try {
    files = unzipSync(bytes, {
      filter({ name, originalSize }) {
        total += originalSize;
        if (total > LARGEST) throw new DecodeError('E_NPZ', `${where}: the archive would inflate to more than ${LARGEST / 2 ** 30} GiB`);
        if (names.has(name)) throw new DecodeError('E_NPZ', `${where}: the archive holds ${name} twice`);
        if (name.endsWith('/data.pkl')) throw pickled(where);
        names.add(name);
        return name.endsWith('.npy');
      },
    });
  } catch (error) {
    if (error instanceof DecodeError) throw error;
    throw new DecodeError('E_NPZ', `${where}: the archive is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
  const sums = checksums(bytes);
  for (const [name, data] of Object.entries(files))
    if (sums.get(name) !== crc32(data)) throw new DecodeError('E_NPZ', `${where}: the archive is damaged: the checksum of ${name} differs`);
  return new Map(Object.entries(files).map(([name, data]) => [name.slice(0, -'.npy'.length), readNpy(data, `${where}: ${name}`)]));
}

/** The checksums in an archive's central directory, by name: the library that inflates does not look at them. */
function checksums(bytes: Uint8Array): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sums = new Map<string, number>();
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  let at = end < 0 ? bytes.length : view.getUint32(end + 16, true);
  while (at + 46 <= bytes.length && view.getUint32(at, true) === 0x02014b50) {
    const [name, extra, comment] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true)];
    sums.set(new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + name)), view.getUint32(at + 16, true));
    at += 46 + name + extra + comment;
  }
  return sums;
}
