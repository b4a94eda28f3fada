import { type DType, dtypes, isKnown } from './dtype.ts';
import { isMinifloat, minifloats } from './minifloat.ts';

/** Mantissa bits and exponent of the smallest normal number. */
function formatOf(dtype: DType): { readonly mantissa: number; readonly minExponent: number } {
  if (isMinifloat(dtype)) return { mantissa: minifloats[dtype].mantissaBits, minExponent: 1 - minifloats[dtype].bias };
  return dtype === 'double' || dtype === 'complex128' ? { mantissa: 52, minExponent: -1022 } : { mantissa: 23, minExponent: -126 };
}

/** Distance from 1 to the next number of a floating-point type: 2^-23 for float. 0 for types that are exact. */
export function epsilonOf(dtype: DType): number {
  const kind = isKnown(dtype) ? dtypes[dtype].kind : 'other';
  return kind === 'float' || kind === 'complex' ? 2 ** -formatOf(dtype).mantissa : 0;
}

/** The least positive number of a floating-point type that has all its digits. */
export function smallestNormalOf(dtype: DType): number {
  return 2 ** formatOf(dtype).minExponent;
}

/** Makes the function that gives the distance between neighbouring numbers of a type near |x|. */
export function ulpOf(dtype: DType): (magnitude: number) => number {
  const { mantissa, minExponent } = formatOf(dtype);
  return magnitude => powers[Math.max(magnitude === 0 ? minExponent : exponentOf(magnitude), minExponent) - mantissa + 1074]!;
}

/** 2^k from the least to the largest that float64 has. */
const powers = Float64Array.from({ length: 1074 + 1024 }, (_, i) => 2 ** (i - 1074));

const number = new Float64Array(1);
/** Platforms that run Node are little-endian. */
const halves = new Uint32Array(number.buffer);

/** ⌊log2 x⌋ for finite x > 0, exactly; subnormal float64 numbers count as the smallest normal ones. */
export function exponentOf(x: number): number {
  number[0] = x;
  return Math.max(((halves[1]! >>> 20) & 0x7ff) - 1023, -1022);
}
