import { sizesIn } from '../src/infer/sizes.ts';
import { inferTypes } from '../src/infer/types.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Model } from '../src/ir/model.ts';
import type { Node } from '../src/ir/node.ts';
import type { Value } from '../src/ir/value.ts';
import { type Pass, type Place, pass } from '../src/rewrite/pass.ts';
import { any, constant, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { foldConstants } from './fold-constants.ts';

/** What a computation of sizes may add to the file. */
const maxGrowth = 4096;

/**
 * Makes sizes that are known constants: Shape of a value whose shape is known, and what Gather or Slice takes of one that is known in part.
 *
 * What integers are computed of them alone is folded too, and each size that becomes known may let ONNX Runtime know more of them: so it goes on
 * until none does.
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
 * <int64[1] one = {1}, int64[1] c_value = {8}>
 * {
 *   v = Concat <axis: int = 0> (c_value, one)
 *   y = Cast <to: int = 1> (v)
 * }
 * ```
 */
export const foldShape: Pass = {
  name: 'fold-shape',
  effect: 'exact',
  async run(model) {
    const fired: Place[] = [];
    for (;;) {
      const round = await shapes.run(model);
      if (round.fired.length === 0) return { ...round, fired };
      const { fired: computed } = await foldConstants({ maxGrowth, integersOnly: true }).run(model);
      fired.push(...round.fired, ...computed);
    }
  },
};

const shapes = pass(
  'fold-shape',
  'exact',
  [
    rule({
      match: p.Shape(any()).as('sizes'),
      rewrite: ({ sizes: { node } }) => known(node, sizes => [sizes.length]),
    }),
    rule({
      match: p.Gather(any('data'), constant('at')).with({ axis: 0 }).as('sizes'),
      rewrite: ({ data, at, sizes: { node } }) => (isComputed(data) ? known(node, () => at.dims) : undefined),
    }),
    rule({
      match: p.Slice(any('data')).variadic().as('sizes'),
      rewrite: ({ data, sizes: { node } }) => (isComputed(data) ? known(node, sizes => [sizes.length]) : undefined),
    }),
  ],
  { prepare: inferShapes },
);

/** What a node computes, where all of it is known. */
function known(node: Node, dims: (sizes: readonly unknown[]) => readonly number[]): Tensor | undefined {
  const sizes = sizesIn(node.outputs[0]);
  return sizes?.every(d => d !== undefined) ? Tensor.of('int64', dims(sizes), sizes.map(BigInt)) : undefined;
}

/** What is made of constants alone is for fold-constants, in whatever type it is. */
const isComputed = (data: Value) => constantOf(data) === undefined && data.dtype === 'int64';

async function inferShapes(model: Model): Promise<void> {
  for (const { op } of model.graph.allNodes()) if (op.name === 'Shape' && op.domain === '') return void (await inferTypes(model));
}
