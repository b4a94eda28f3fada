import { inferTypes } from '../src/infer/types.ts';
import type { Model } from '../src/ir/model.ts';
import type { Value } from '../src/ir/value.ts';
import { type Pass, type Place, pass } from '../src/rewrite/pass.ts';
import { any, constant, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { foldConstants } from './fold-constants.ts';

/** What a computation of sizes may add to the file. */
const maxGrowth = 4096;

/**
 * Makes sizes that are known constants: Shape of a value whose shape is known, and Gather of a known size from one that is known in part.
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
      match: p.Gather(p.Shape(any('x')).as('shape').shared(), constant('at')).with({ axis: 0 }),
      rewrite({ x, shape, at }) {
        const dims = sizesOf(x, shape.attrs);
        const known = Array.from(at.numbers()).map(i => dims?.[i < 0 ? i + dims.length : i]);
        return known.every(d => typeof d === 'number') ? Tensor.of('int64', at.dims, known.map(BigInt)) : undefined;
      },
    }),
    rule({
      match: p.Shape(any('x')).as('shape'),
      rewrite({ x, shape }) {
        const dims = sizesOf(x, shape.attrs);
        return dims?.every(d => typeof d === 'number') ? Tensor.of('int64', [dims.length], dims.map(BigInt)) : undefined;
      },
    }),
  ],
  { prepare: inferShapes },
);

/** The sizes that a Shape gives: since operator set 15 a part of them. What a file declares of an inner value may be wrong. */
function sizesOf(
  { definition, shape, inferred }: Value,
  { start = 0, end }: { readonly start?: number | undefined; readonly end?: number | undefined },
) {
  return (definition.kind === 'input' ? shape : inferred?.shape)?.slice(start, end);
}

async function inferShapes(model: Model): Promise<void> {
  for (const { op } of model.graph.allNodes()) if (op.name === 'Shape' && op.domain === '') return void (await inferTypes(model));
}
