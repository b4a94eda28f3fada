import { createHash } from 'node:crypto';
import { dtypes, isKnown } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { tensorType } from '../text/print-tensor.ts';

/** How one tensor differs from another. */
export interface WeightChange {
  /** The type of the other, where that differs too. */
  readonly typeAfter?: string;
  /** Largest |Δ| over all elements, and that in relation to the largest |x| before; undefined where elements can't be compared. */
  readonly maxAbs?: number | undefined;
  readonly relative?: number | undefined;
}

export const typeOfTensor = ({ dtype, dims }: Tensor) => tensorType(dtype, dims);

/** The same for tensors that are the same; a key for maps. */
export function fingerprint(t: Tensor): string {
  const hash = createHash('sha256').update(typeOfTensor(t));
  if (t.dtype === 'string') for (const text of t.strings()) hash.update(`${text.byteLength}:`).update(text);
  else for (const piece of t.pieces()) hash.update(piece);
  return hash.digest('base64');
}

/** How far apart two tensors are that are not the same. */
export function changeOfTensor(a: Tensor, b: Tensor): WeightChange {
  const typeAfter = typeOfTensor(a) === typeOfTensor(b) ? {} : { typeAfter: typeOfTensor(b) };
  if (a.dims.join() !== b.dims.join() || !isNumeric(a) || !isNumeric(b)) return typeAfter;
  const [x, y] = [a.numbers(), b.numbers()];
  let [most, largest] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [x[i]!, y[i]!];
    // Infinities that agree are no difference; NaN against a number is one without measure.
    if (p !== q && !(Number.isNaN(p) && Number.isNaN(q))) most = Math.max(most, Math.abs(q - p));
    if (Math.abs(p) > largest) largest = Math.abs(p);
  }
  return { ...typeAfter, maxAbs: finite(most), relative: largest > 0 ? finite(most / largest) : undefined };
}

/** JSON has no NaN. */
const finite = (x: number) => (Number.isFinite(x) ? x : undefined);

function isNumeric({ dtype }: Tensor): boolean {
  return isKnown(dtype) && ['float', 'integer', 'bool'].includes(dtypes[dtype].kind);
}
