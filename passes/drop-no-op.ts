import { isFull, neutralElements, noOps } from '../src/functions/no-ops.ts';
import { inferTypesWhere } from '../src/infer/types.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Node } from '../src/ir/node.ts';
import type { OpName } from '../src/ops/schema.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Removes operators that do nothing where they stand.
 *
 * A Cast to the type at hand; Reshape, Flatten, Squeeze, Unsqueeze, Expand, Slice and reductions that leave the shape as it is; Pad by
 * nothing, Tile once, Resize by 1, Concat, Sum, Max, Min and Mean of one operand, Split into one; Transpose without a move; pools of one
 * pixel; x + 0, x − 0, x·1, x / 1, x¹, x ∧ true, x ∨ false, where the constant does not stretch x; Where with a constant condition; Clip
 * between infinities; Neg, Not twice; Abs, Ceil, Floor, Round, Sign again. A shape that nothing vouches for is not known: what a file
 * declares of inner values does not count. A Clip of floats without bounds stays, because it takes infinity to the largest number.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,3] x) => (float[N,3] y)
 * <int64[2] shape = {-1, 3}, float one = {1}>
 * {
 *   t = Reshape (x, shape)
 *   u = Mul (one, t)
 *   v = Cast <to: int = 1> (u)
 *   y = Relu (v)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,3] x) => (float[N,3] y) {
 *   y = Relu (x)
 * }
 * ```
 */
export const dropNoOp = pass(
  'drop-no-op',
  'exact',
  Object.entries(noOps).map(([name, equal]) =>
    rule({
      match: p[name as 'Concat'](any())
        .variadic()
        .where(node => equal(node) !== undefined)
        .as('node'),
      rewrite: ({ node: { node } }) => equal(node),
    }),
  ),
  { prepare: inferTypesWhere(needsTypes) },
);

/** Operators that do nothing by what their constants say, or by what is next to them. */
const plain: ReadonlySet<string> = new Set<OpName>([
  ...(['Abs', 'AveragePool', 'BitwiseNot', 'Ceil', 'Concat', 'DepthToSpace', 'Floor', 'Max', 'MaxPool', 'Mean', 'Min', 'Neg'] as const),
  ...(['Not', 'Pad', 'Round', 'Sign', 'SpaceToDepth', 'Split', 'Sum', 'Tile', 'Upsample'] as const),
]);

/** Whether types decide what a node does. */
function needsTypes({ op, inputs }: Node): boolean {
  if (op.domain !== '' || !Object.hasOwn(noOps, op.name) || plain.has(op.name)) return false;
  const element = neutralElements[op.name as OpName];
  return element === undefined || inputs.some(v => constantOf(v)?.rank !== 0 && isFull(v, element));
}
