import { inferTypesFor } from '../src/infer/types.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, type Matched, optional, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { isFloat } from '../src/tensor/dtype.ts';

/**
 * Lets Gemm transpose its operands itself, instead of a Transpose before it.
 *
 * A MatMul of two matrices, one of them transposed, becomes such a Gemm (operator set 11 and later, where Gemm needs no C). A Transpose
 * that something else uses stays for that.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[M,2] x, float[3,2] w, float[3] b) => (float[M,3] y) {
 *   t = Transpose <perm: ints = [1, 0]> (w)
 *   y = Gemm (x, t, b)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[M,2] x, float[3,2] w, float[3] b) => (float[M,3] y) {
 *   y = Gemm <transB: int = 1> (x, w, b)
 * }
 * ```
 */
export const foldTranspose = pass(
  'fold-transpose',
  'exact',
  [
    rule({
      match: p.Gemm(transposed('a'), any('b'), optional(any('c'))).as('gemm'),
      rewrite({ a, b, c, gemm, transpose }, op) {
        return isSwap(transpose) ? op.Gemm(a, b, c, { ...attrsOf(gemm, op.opset), transA: gemm.attrs.transA ? 0 : 1 }) : undefined;
      },
    }),
    rule({
      match: p.Gemm(any('a'), transposed('b'), optional(any('c'))).as('gemm'),
      rewrite({ a, b, c, gemm, transpose }, op) {
        return isSwap(transpose) ? op.Gemm(a, b, c, { ...attrsOf(gemm, op.opset), transB: gemm.attrs.transB ? 0 : 1 }) : undefined;
      },
    }),
    ...[
      { match: p.MatMul(transposed('a'), any('b')), attrs: { transA: 1 } },
      { match: p.MatMul(any('a'), transposed('b')), attrs: { transB: 1 } },
    ].map(({ match, attrs }) =>
      rule({
        match,
        rewrite({ a, b, transpose }, op) {
          const dtype = a.dtype ?? b.dtype;
          const areMatrices = [a, b].every(v => v.sureShape?.length === 2) && isSwap(transpose);
          return op.opset >= 11 && areMatrices && dtype !== undefined && isFloat(dtype) ? op.Gemm(a, b, undefined, attrs) : undefined;
        },
      }),
    ),
  ],
  { prepare: inferTypesFor('MatMul') },
);

function transposed<const N extends string>(name: N) {
  return p.Transpose(any(name)).shared().as('transpose');
}

/** Whether a Transpose exchanges the two axes, as it does unless told otherwise. */
const isSwap = ({ attrs: { perm } }: Matched<'Transpose'>) => perm === undefined || perm.join() === '1,0';

/** Those that the operator's version has: a file may hold others. */
const attrsOf = ({ attrs: { alpha, beta, broadcast, transA, transB } }: Matched<'Gemm'>, opset: number) => ({
  alpha,
  beta,
  transA,
  transB,
  ...(opset < 7 && { broadcast }),
});
