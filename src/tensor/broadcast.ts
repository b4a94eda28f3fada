/** Numbers under a shape, row-major, read in ranges. */
export interface Operand {
  readonly dims: readonly number[];
  /** Copies the elements from flat index `start` on into `target`. */
  read(start: number, target: Float64Array): void;
}

export type Arithmetic = 'add' | 'sub' | 'mul' | 'div';

/** Elements computed at a time: large tensors are never held in float64 as a whole. */
const BLOCK = 1 << 14;

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

/**
 * Arithmetic over two operands, element by element, with broadcasting: blocks of float64 results in row-major order. A block is valid
 * until the next one is asked for.
 * @throws RangeError when the shapes do not broadcast.
 */
export function* zip(a: Operand, b: Operand, operation: Arithmetic): Generator<Float64Array> {
  const dims = broadcastDims(a.dims, b.dims);
  const size = sizeOf(dims);
  const loops = coalesce(dims, strides(a.dims, dims), strides(b.dims, dims));
  const inner = loops.pop() ?? { size: 1, a: 0, b: 0 };
  const counter = loops.map(() => 0);
  const block = new Float64Array(Math.min(size, BLOCK));
  const right = new Float64Array(inner.b === 0 ? 0 : block.length);
  const single = new Float64Array(1);
  let filled = 0;
  for (let done = 0, ia = 0, ib = 0; done < size; done += inner.size) {
    for (let k = 0; k < inner.size; ) {
      const n = Math.min(inner.size - k, block.length - filled);
      const x = block.subarray(filled, filled + n);
      readRun(a, ia + k * inner.a, inner.a, x);
      if (inner.b === 0) {
        b.read(ib, single);
        combineScalar(operation, x, single[0]!);
      } else {
        const y = right.subarray(0, n);
        b.read(ib + k, y);
        combine(operation, x, y);
      }
      k += n;
      filled += n;
      if (filled < block.length) continue;
      yield block;
      filled = 0;
    }
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
  if (filled > 0) yield block.subarray(0, filled);
}

/** The innermost step of a row-major operand is 1, or 0 where it is repeated. */
function readRun(operand: Operand, start: number, step: number, target: Float64Array): void {
  if (step === 1) operand.read(start, target);
  else {
    operand.read(start, target.subarray(0, 1));
    target.fill(target[0]!);
  }
}

/** x becomes x ∘ y, for one y. */
function combineScalar(operation: Arithmetic, x: Float64Array, y: number): void {
  const n = x.length;
  if (operation === 'add') for (let i = 0; i < n; i++) x[i]! += y;
  else if (operation === 'sub') for (let i = 0; i < n; i++) x[i]! -= y;
  else if (operation === 'mul') for (let i = 0; i < n; i++) x[i]! *= y;
  else for (let i = 0; i < n; i++) x[i]! /= y;
}

/** x becomes x ∘ y. */
function combine(operation: Arithmetic, x: Float64Array, y: Float64Array): void {
  const n = x.length;
  if (operation === 'add') for (let i = 0; i < n; i++) x[i]! += y[i]!;
  else if (operation === 'sub') for (let i = 0; i < n; i++) x[i]! -= y[i]!;
  else if (operation === 'mul') for (let i = 0; i < n; i++) x[i]! *= y[i]!;
  else for (let i = 0; i < n; i++) x[i]! /= y[i]!;
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
