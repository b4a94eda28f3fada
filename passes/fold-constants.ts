import { conesOf, isSmall, needsTypes, withinBudget } from '../src/infer/cones.ts';
import { coneSizes, coneTensors } from '../src/infer/constants.ts';
import { inferTypes } from '../src/infer/types.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Graph } from '../src/ir/graph.ts';
import { initializersAreInputs, type Model } from '../src/ir/model.ts';
import { definedWithin, Names } from '../src/ir/names.ts';
import type { Node } from '../src/ir/node.ts';
import type { Value } from '../src/ir/value.ts';
import { type Pass, type PassReport, type Place, placeOf, type RefusedPlace } from '../src/rewrite/pass.ts';
import { RuntimeFailure } from '../src/runtime/failure.ts';
import { isFloat } from '../src/tensor/dtype.ts';
import type { Tensor } from '../src/tensor/tensor.ts';

export interface FoldConstantsOptions {
  /** Bytes that all folds together may add to the file. Default 64 KiB. */
  readonly maxGrowth?: number;
  /** Folds integers alone, which are sizes and indices: weights stay as they are computed. */
  readonly integersOnly?: boolean;
}

/**
 * Computes what depends on constants alone, by running it on ONNX Runtime, and keeps the result as an initializer; Constant nodes become
 * initializers as well.
 *
 * A fold may make the file larger (ConstantOfShape, Expand); all folds together by 64 KiB at most, unless asked for more. Weights
 * under DequantizeLinear stay quantised, and what has no fixed result (random numbers) stays a computation.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] a = {1, 2}, float[2] b = {3, 4}>
 * {
 *   s = Add (a, b)
 *   y = Mul (x, s)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] x) => (float[2] y)
 * <float[2] s = {4, 6}>
 * {
 *   y = Mul (x, s)
 * }
 * ```
 */
export const foldConstants = (options: FoldConstantsOptions = {}): Pass => ({
  name: 'fold-constants',
  effect: 'exact',
  async run(model): Promise<PassReport> {
    const fired: Place[] = [];
    const refused: RefusedPlace[] = [];
    const refuse = (value: Value, code: RefusedPlace['code'], detail: string) =>
      refused.push({ ...placeOf(value.producer as Node), code, detail });
    if (needsTypes(model)) await inferTypes(model);
    const names = new Names(model);
    const fits = ({ dtype }: Value) => !options.integersOnly || (dtype !== undefined && !isFloat(dtype));
    const wanted = conesOf(model.graph).filter(fits);
    const sizes = await coneSizes(wanted, model);
    const { chosen, over } = withinBudget(wanted, sizes, options.maxGrowth ?? 64 * 1024);
    for (const value of over) refuse(value, 'E_BUDGET', `it would add ${sizes.get(value)} bytes to the file; raise max-growth to fold it`);
    for (const [value, size] of sizes) if (size instanceof RuntimeFailure) refuse(value, 'E_RUNTIME', size.message);
    for (const [value, tensor] of await coneTensors(chosen, model)) {
      if (tensor instanceof RuntimeFailure) refuse(value, 'E_RUNTIME', tensor.message);
      else if (sizes.get(value) === undefined && !isSmall(tensor.byteLength))
        refuse(value, 'E_BUDGET', `it would add ${tensor.byteLength} bytes to the file`);
      else {
        fired.push(placeOf(value.producer as Node));
        replace(value, tensor, model, names);
      }
    }
    if (!options.integersOnly && !initializersAreInputs(model.irVersion)) liftLiterals(model, names, fired);
    return { pass: 'fold-constants', fired, refused };
  },
});

/** Constant nodes become initializers too; a sparse one stays, which is smaller as it is. */
function liftLiterals(model: Model, names: Names, fired: Place[]): void {
  for (const node of model.graph.allNodes()) {
    const [value] = node.outputs;
    const tensor = node.op.name === 'Constant' ? constantOf(value) : undefined;
    const stays = [...node.attributes.values()].some(a => a.type === 'other') || ![...(value?.uses ?? [])].some(u => u.kind === 'operand');
    if (!tensor || stays) continue;
    fired.push(placeOf(node));
    replace(value!, tensor, model, names);
  }
}

/** Lets operands use the tensor; outputs of graphs go on being computed. */
function replace(value: Value, tensor: Tensor, model: Model, names: Names): void {
  const node = value.producer as Node;
  const graph = node.graph as Graph;
  // Before IR version 4 an initializer is an input of its graph too, and a nested graph's inputs are not ours to change.
  const owner = initializersAreInputs(model.irVersion) ? model.graph : graph;
  const constant = owner.addConstant(value.name, tensor);
  for (const use of [...value.uses]) if (use.kind === 'operand') use.node.setInput(use.index, constant);
  graph.sweepFrom(node);
  // A node that stays, for another of its results or an output, keeps its names; an initializer is seen by nested graphs from the start.
  if (node.graph || owner !== graph || definedWithin(owner, value.name)) constant.name = names.fresh(`${value.name}_value`);
}
