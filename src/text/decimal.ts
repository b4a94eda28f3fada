import type { DType } from '../tensor/dtype.ts';
import { decodeElements, encodeElements } from '../tensor/elements.ts';

const SMALLEST_NORMAL_FLOAT = 2 ** -126;

/** The shortest decimal that reads back as `x` in a floating-point type. */
export function decimalOf(dtype: DType, x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x < 0 ? '-inf' : 'inf';
  if (Object.is(x, -0)) return '-0';
  if (dtype === 'double' || dtype === 'complex128') return written(x);
  if (dtype === 'float' || dtype === 'complex64') return shortestFloat(x);
  const stored = (value: number) => decodeElements(dtype, encodeElements(dtype, [value]), 1)[0];
  return shortest(x, 1, 17, value => stored(value) === x);
}

function shortestFloat(x: number): string {
  if (Number.isInteger(x) && Math.abs(x) < 2 ** 24) return written(x);
  // A decimal of up to six digits survives a float; so if one reads back as x, it is x to six digits. Below the normal floats none may.
  return shortest(x, Math.abs(x) < SMALLEST_NORMAL_FLOAT ? 1 : 6, 9, value => Math.fround(value) === x);
}

function shortest(x: number, from: number, to: number, same: (value: number) => boolean): string {
  for (let digits = from; digits <= to; digits++) {
    const value = Number(x.toPrecision(digits));
    if (same(value)) return written(value);
  }
  return written(x);
}

/** With an exponent where there would be many zeros: `1e-5`, `1e+16`. */
function written(x: number): string {
  const magnitude = Math.abs(x);
  return magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e16) ? x.toExponential() : String(x);
}
