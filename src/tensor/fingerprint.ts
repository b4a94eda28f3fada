import { createHash } from 'node:crypto';
import type { Tensor } from './tensor.ts';

/** What only tensors of the same type, shape and bits have in common: 0 and −0 differ, and so do NaNs of different bits. */
export function fingerprintOf(tensor: Tensor): string {
  const hash = createHash('sha256');
  if (tensor.dtype === 'string') for (const text of tensor.strings()) hash.update(`${text.length}:`).update(text);
  else for (const piece of tensor.pieces()) hash.update(piece);
  return `${layoutOf(tensor)} ${hash.digest('base64')}`;
}

/** Type, shape and number of bytes: what can be compared without reading. */
export function layoutOf({ dtype, dims, byteLength }: Tensor): string {
  return `${dtype}[${dims}] ${byteLength}`;
}

/** Whether two tensors are the same, bit by bit. */
export function sameBits(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return false;
  if (a.dtype !== 'string') return samePieces(a.pieces(), b.pieces());
  return a.strings().every((s, i) => Buffer.compare(s, b.strings()[i]!) === 0);
}

function samePieces(a: Iterator<Uint8Array>, b: Iterator<Uint8Array>): boolean {
  for (;;) {
    const [x, y] = [a.next(), b.next()];
    if (x.done || y.done) return x.done === y.done;
    if (Buffer.compare(x.value, y.value) !== 0) return false;
  }
}
