import { inferForward } from '../src/infer/forward.ts';
import { sizeOperators, sizesIn } from '../src/infer/sizes.ts';
import { inferTypes } from '../src/infer/types.ts';
import type { Model } from '../src/ir/model.ts';
import type { OpName } from '../src/ops/schema.ts';
import { type Pass, type Place, pass } from '../src/rewrite/pass.ts';
import { any, type NodePattern, type Pattern, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { foldConstants } from './fold-constants.ts';

/** What a computation of sizes may add to the file. */
const maxGrowth = 4096;

/**
 * Makes sizes that are known constants: what Shape gives of a value whose shape is known, and what Gather, Slice, Concat or arithmetic makes
 * of sizes that are known in part.
 *
 * Each size that becomes known may let ONNX Runtime know more of them: so it goes on until none does. Other integers that are computed of
 * sizes alone are folded too.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,4,4] x) => (float[M] y)
 * <int64[1] axis = {1}, int64[1] one = {1}>
 * {
 *   s = Shape (x)
 *   c = Gather (s, axis)
 *   v = Concat <axis: int = 0> (c, one)
 *   y = Cast <to: int = 1> (v)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,8,4,4] x) => (float[M] y)
 * <int64[2] v_value = {8, 1}>
 * {
 *   y = Cast <to: int = 1> (v_value)
 * }
 * ```
 */
export const foldShape: Pass = {
  name: 'fold-shape',
  effect: 'exact',
  async run(model) {
    const fired: Place[] = [];
    while (hasShapes(model)) {
      await inferTypes(model);
      const before = fired.length;
      for (let known = -1; known !== fired.length; ) {
        known = fired.length;
        inferForward(model);
        fired.push(...(await sizes.run(model)).fired);
      }
      if (fired.length === before) fired.push(...(await foldConstants({ maxGrowth, integersOnly: true }).run(model)).fired);
      if (fired.length === before) break;
    }
    return { pass: 'fold-shape', fired, refused: [] };
  },
};

const sizes = pass(
  'fold-shape',
  'exact',
  sizeOperators.map(op =>
    rule({
      match: (p[op] as (x: Pattern) => NodePattern<OpName, {}>)(any()).variadic().as('size'),
      rewrite({ size: { node } }) {
        const known = sizesIn(node.outputs[0]);
        return known?.values.every(d => typeof d === 'number') ? Tensor.of('int64', known.dims, known.values.map(BigInt)) : undefined;
      },
    }),
  ),
);

function hasShapes(model: Model): boolean {
  for (const { op } of model.graph.allNodes()) if (op.name === 'Shape' && op.domain === '') return true;
  return false;
}
