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
  return new Map(Object.entries(files).map(([name, data]) => [name.slice(0, -'.npy'.length), readNpy(data, `${where}: ${name}`)]));
}
