import { DecodeError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { readBytes } from './file.ts';
import { isNpy, readNpy } from './npy.ts';
import { isZip, pickled, readNpz } from './npz.ts';
import { isSafetensors, readSafetensors } from './safetensors.ts';

/**
 * Named tensors from a file: `.npz`, `.safetensors`, or a single `.npy`, whose name is ''. What a file is, its first bytes say.
 * @throws FunnelError for a file that can't be read or is none of these
 */
export async function readTensorFile(path: string): Promise<Map<string, Tensor>> {
  return tensorsIn(await readBytes(path), path);
}

/** The same from the bytes of a file. @throws FunnelError */
export async function tensorsIn(bytes: Uint8Array, path: string): Promise<Map<string, Tensor>> {
  if (isZip(bytes)) return readNpz(bytes, path);
  if (isNpy(bytes)) return new Map([['', readNpy(bytes, path)]]);
  if (isSafetensors(bytes)) return readSafetensors(bytes, path);
  // The pickle protocols 2 to 5; no field of a model has that tag.
  if (bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5) throw pickled(path);
  throw new DecodeError('E_NOT_TENSORS', `${path}: neither .npz nor .npy nor .safetensors`);
}
