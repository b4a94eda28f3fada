import { constantSizes } from '../src/functions/computed-sizes.ts';
import { inferTypesWhere } from '../src/infer/types.ts';
import type { Node } from '../src/ir/node.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { Tensor } from '../src/tensor/tensor.ts';

/**
 * Tells a Reshape its sizes in constants, where they are put together from constants and sizes of x.
 *
 * 0 stands for a size of x that stays in its place, and -1 for the only number that is computed: it follows from the number of elements.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,4,4] x) => (float[N,M] y)
 * <int64 zero = {0}, int64[1] axis = {0}, int64[1] rest = {-1}>
 * {
 *   s = Shape (x)
 *   n = Gather (s, zero)
 *   u = Unsqueeze (n, axis)
 *   sizes = Concat <axis: int = 0> (u, rest)
 *   y = Reshape (x, sizes)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,4,4] x) => (float[N,M] y)
 * <int64[2] y_shape = {0, -1}>
 * {
 *   y = Reshape (x, y_shape)
 * }
 * ```
 */
export const foldSizes = pass(
  'fold-sizes',
  'exact',
  rule({
    match: p
      .Reshape(any('x'), any())
      .where(node => constantSizes(node) !== undefined)
      .as('reshape'),
    rewrite({ x, reshape }, op) {
      const sizes = constantSizes(reshape.node)!;
      return op.Reshape(x, Tensor.of('int64', [sizes.length], sizes.map(BigInt)), reshape.attrs);
    },
  }),
  { prepare: inferTypesWhere(isOfConcat) },
);

/** Whether a node is a Reshape by sizes that are put together. */
function isOfConcat({ op, inputs }: Node): boolean {
  return op.name === 'Reshape' && op.domain === '' && inputs[1]?.producer?.op.name === 'Concat';
}
