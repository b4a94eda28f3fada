import type { DType } from '../../src/tensor/dtype.ts';

const tables = new Map<DType, Float64Array>();
const view = new DataView(new ArrayBuffer(4));

/** What a bit pattern of a 16-bit type stands for, by its definition. */
function decoded(dtype: DType, bits: number): number {
  if (dtype === 'bfloat16') {
    // The upper half of a float.
    view.setUint32(0, bits << 16);
    return view.getFloat32(0);
  }
  const [exponent, mantissa] = [bits >> 10, bits & 1023];
  return exponent === 0 ? mantissa * 2 ** -24 : exponent === 31 ? Number.POSITIVE_INFINITY : (1024 + mantissa) * 2 ** (exponent - 25);
}

/** The number of an element type that is nearest to `x`, ties to the even one: looked up among all there are. */
export function roundTo(dtype: DType, x: number): number {
  if (dtype === 'double') return x;
  if (dtype === 'float') return Math.fround(x);
  let table = tables.get(dtype);
  if (!table) {
    table = Float64Array.from({ length: dtype === 'float16' ? 0x7c00 : 0x7f80 }, (_, bits) => decoded(dtype, bits));
    tables.set(dtype, table);
  }
  const magnitude = Math.abs(x);
  let [low, high] = [0, table.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (table[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  // Beyond the largest, the next one would be a step further, and rounds to infinity.
  const next = table[high] ?? 2 * table[low]! - table[low - 1]!;
  const [below, above] = [magnitude - table[low]!, next - magnitude];
  const up = above < below || (above === below && low % 2 === 1);
  const rounded = up ? (table[high] ?? Number.POSITIVE_INFINITY) : table[low]!;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
}
