/** Numbers under a shape, row-major. */
interface Strided {
  readonly dims: readonly number[];
  readonly values: ArrayLike<number>;
}

/** Number of elements of a shape. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

/** The shape that both operands broadcast to (numpy's rules). @throws RangeError when there is none. */
export function broadcastDims(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`cannot broadcast [${a}] with [${b}]`);
    return x === 1 ? y : x;
  });
}

/** `f` over two arrays, element by element, with broadcasting; the result is float64. */
export function zip(a: Strided, b: Strided, f: (x: number, y: number) => number): { dims: number[]; values: Float64Array } {
  const dims = broadcastDims(a.dims, b.dims);
  const loops = coalesce(dims, strides(a.dims, dims), strides(b.dims, dims));
  const values = new Float64Array(sizeOf(dims));
  const inner = loops.pop() ?? { size: values.length, a: 0, b: 0 };
  const counter = loops.map(() => 0);
  for (let i = 0, ia = 0, ib = 0; i < values.length; ) {
    for (let k = 0, ja = ia, jb = ib; k < inner.size; k++, ja += inner.a, jb += inner.b) values[i++] = f(a.values[ja]!, b.values[jb]!);
    for (let d = loops.length - 1; d >= 0; d--) {
      const loop = loops[d]!;
      counter[d]!++;
      ia += loop.a;
      ib += loop.b;
      if (counter[d]! < loop.size) break;
      ia -= loop.a * loop.size;
      ib -= loop.b * loop.size;
      counter[d] = 0;
    }
  }
  return { dims, values };
}

interface Loop {
  size: number;
  a: number;
  b: number;
}

/** Neighbouring dimensions that both operands step through evenly become one loop: the inner loop gets long. */
function coalesce(dims: readonly number[], a: readonly number[], b: readonly number[]): Loop[] {
  const loops: Loop[] = [];
  for (const [i, size] of dims.entries()) {
    if (size === 1) continue;
    const last = loops.at(-1);
    const next = { size, a: a[i]!, b: b[i]! };
    if (last && last.a === next.a * size && last.b === next.b * size) Object.assign(last, { size: last.size * size, a: next.a, b: next.b });
    else loops.push(next);
  }
  return loops;
}

/** Steps in elements along each dimension of `out`; 0 where the operand is repeated. */
function strides(dims: readonly number[], out: readonly number[]): number[] {
  const steps = new Array<number>(out.length).fill(0);
  for (let i = dims.length - 1, step = 1; i >= 0; i--) {
    steps[i + out.length - dims.length] = dims[i] === 1 ? 0 : step;
    step *= dims[i]!;
  }
  return steps;
}
