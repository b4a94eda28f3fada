/** A binary floating-point format of at most 16 bits. */
interface Format {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** What the all-ones exponent means: infinities and NaN as in IEEE 754, one NaN at all ones, one NaN at "minus zero", or nothing special. */
  readonly special: 'ieee' | 'nan-at-ones' | 'nan-at-minus-zero' | 'none';
}

/** Formats as in the ONNX specification's "float stored in N bits" pages; float8e8m0 has neither sign nor mantissa. */
export const minifloats = {
  float16: { exponentBits: 5, mantissaBits: 10, bias: 15, special: 'ieee' },
  bfloat16: { exponentBits: 8, mantissaBits: 7, bias: 127, special: 'ieee' },
  float8e4m3fn: { exponentBits: 4, mantissaBits: 3, bias: 7, special: 'nan-at-ones' },
  float8e4m3fnuz: { exponentBits: 4, mantissaBits: 3, bias: 8, special: 'nan-at-minus-zero' },
  float8e5m2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: 'ieee' },
  float8e5m2fnuz: { exponentBits: 5, mantissaBits: 2, bias: 16, special: 'nan-at-minus-zero' },
  float4e2m1: { exponentBits: 2, mantissaBits: 1, bias: 1, special: 'none' },
} as const satisfies Record<string, Format>;

export type Minifloat = keyof typeof minifloats;

export function isMinifloat(dtype: string): dtype is Minifloat {
  return Object.hasOwn(minifloats, dtype);
}

/** The number a bit pattern stands for. */
export function decodeMinifloat(dtype: Minifloat, bits: number): number {
  const { exponentBits, mantissaBits, bias, special }: Format = minifloats[dtype];
  const sign = (bits >>> (exponentBits + mantissaBits)) & 1 ? -1 : 1;
  const exponent = (bits >>> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = bits & (2 ** mantissaBits - 1);
  const top = exponent === 2 ** exponentBits - 1;
  if (special === 'ieee' && top) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (special === 'nan-at-ones' && top && mantissa === 2 ** mantissaBits - 1) return Number.NaN;
  if (special === 'nan-at-minus-zero' && sign < 0 && exponent === 0 && mantissa === 0) return Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}

/** The bit pattern nearest to `x`, ties to even; beyond the largest finite value: infinity, or NaN where the format has no infinity. */
export function encodeMinifloat(dtype: Minifloat, x: number): number {
  const { exponentBits, mantissaBits, bias, special }: Format = minifloats[dtype];
  const signBit = 2 ** (exponentBits + mantissaBits);
  const sign = x < 0 || Object.is(x, -0) ? signBit : 0;
  const ones = signBit - 1;
  const infinity = ones - (2 ** mantissaBits - 1);
  const nan =
    special === 'ieee' ? infinity + 2 ** (mantissaBits - 1) : special === 'nan-at-ones' ? ones : special === 'none' ? ones : signBit;
  if (Number.isNaN(x)) return nan;
  const overflow =
    special === 'ieee' ? sign + infinity : special === 'nan-at-ones' ? sign + ones : special === 'none' ? sign + ones : signBit;
  const magnitude = Math.abs(x);
  if (magnitude === Number.POSITIVE_INFINITY) return overflow;
  const exponent = Math.max(magnitude === 0 ? 1 - bias : Math.floor(Math.log2(magnitude)), 1 - bias);
  // log2 may round up across a power of two, so the quotient is corrected once.
  const e = exponent > 1 - bias && 2 ** exponent > magnitude ? exponent - 1 : exponent;
  const steps = roundHalfEven(magnitude / 2 ** (e - mantissaBits));
  const pattern = (e - (1 - bias)) * 2 ** mantissaBits + steps;
  const largest = special === 'ieee' ? infinity - 1 : special === 'nan-at-ones' ? ones - 1 : ones;
  if (pattern > largest) return overflow;
  return special === 'nan-at-minus-zero' && pattern === 0 ? 0 : sign + pattern;
}

/** Nearest integer, ties to even; exact for |x| < 2^52. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
