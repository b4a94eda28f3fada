import { inferTypesFor } from '../src/infer/types.ts';
import type { Dim, Value } from '../src/ir/value.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { isFloat } from '../src/tensor/dtype.ts';

/**
 * Writes MatMul of two matrices and the Add after it as one Gemm.
 *
 * x·W + b, x and W of rank 2, b such that it does not make the result larger: [N], [1, N], [M, N] or one number. Runtimes add b while
 * they multiply.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[M,2] x) => (float[M,2] y)
 * <float[2,2] w = {1, 2, 3, 4}, float[2] b = {5, 6}>
 * {
 *   t = MatMul (x, w)
 *   y = Add (b, t)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[M,2] x) => (float[M,2] y)
 * <float[2,2] w = {1, 2, 3, 4}, float[2] b = {5, 6}>
 * {
 *   y = Gemm (x, w, b)
 * }
 * ```
 */
export const matMulToGemm = pass(
  'mat-mul-to-gemm',
  'exact',
  rule({
    match: p.Add(p.MatMul(any('x'), any('w')), any('b')),
    rewrite({ x, w, b }, op) {
      const [rows, columns] = [x.sureShape, w.sureShape];
      const float = [x, w, b].some(v => v.dtype !== undefined && isFloat(v.dtype));
      if (op.opset < 7 || rows?.length !== 2 || columns?.length !== 2 || !float || !spreads(b, rows[0], columns[1])) return undefined;
      return op.Gemm(x, w, b);
    },
  }),
  { prepare: inferTypesFor('MatMul') },
);

/** Whether broadcasting b to M rows of N leaves them so many. */
function spreads(b: Value, m: Dim, n: Dim): boolean {
  const shape = b.sureShape;
  const fits = (size: Dim, to: Dim) => size === 1 || (size !== undefined && size === to);
  return shape !== undefined && shape.length <= 2 && fits(shape.at(-1) ?? 1, n) && fits(shape.at(-2) ?? 1, m);
}
