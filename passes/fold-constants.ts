import { type ConeSize, coneSizes, coneTensors, standIn } from '../src/infer/constants.ts';
import { inferTypes } from '../src/infer/types.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Graph } from '../src/ir/graph.ts';
import type { Model } from '../src/ir/model.ts';
import type { Node } from '../src/ir/node.ts';
import { schemaOf } from '../src/ir/op.ts';
import type { Value } from '../src/ir/value.ts';
import { isGenerator, isStorage, isTypeOnly } from '../src/ops/facts.ts';
import { Names } from '../src/rewrite/names.ts';
import { type Pass, type PassReport, type Place, placeOf, type RefusedPlace } from '../src/rewrite/pass.ts';
import { RuntimeFailure } from '../src/runtime/failure.ts';
import type { Tensor } from '../src/tensor/tensor.ts';

export interface FoldConstantsOptions {
  /** Bytes that all folds together may add to the file. Default 64 KiB. */
  readonly maxGrowth?: number;
}

/** When everything together is over the budget, only values up to this many bytes are folded, and none that is many times one element. */
const SMALL = 1024;

/**
 * Computes what depends on constants alone, by running it on ONNX Runtime, and keeps the result as an initializer.
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
    const wanted = conesOf(model.graph);
    const sizes = await coneSizes(wanted, model);
    const { chosen, over } = withinBudget(wanted, sizes, options.maxGrowth ?? 64 * 1024);
    for (const value of over) refuse(value, 'E_BUDGET', `it would add ${sizes.get(value)} bytes to the file; raise max-growth to fold it`);
    for (const [value, size] of sizes) if (size instanceof RuntimeFailure) refuse(value, 'E_RUNTIME', size.message);
    for (const [value, tensor] of await coneTensors(chosen, model)) {
      if (tensor instanceof RuntimeFailure) refuse(value, 'E_RUNTIME', tensor.message);
      else if (sizes.get(value) === undefined && (tensor.byteLength ?? 0) > SMALL)
        refuse(value, 'E_BUDGET', `it would add ${tensor.byteLength} bytes to the file`);
      else {
        fired.push(placeOf(value.producer as Node));
        replace(value, tensor, model, names);
      }
    }
    return { pass: 'fold-constants', fired, refused };
  },
});

/** Lets operands use the tensor; outputs of graphs go on being computed. */
function replace(value: Value, tensor: Tensor, model: Model, names: Names): void {
  const node = value.producer as Node;
  const graph = node.graph as Graph;
  // Before IR version 4 an initializer is an input of its graph too, and a nested graph's inputs are not ours to change.
  const owner = model.irVersion < 4 ? model.graph : graph;
  const constant = owner.addConstant(value.name, tensor);
  for (const use of [...value.uses]) if (use.kind === 'operand') use.node.setInput(use.index, constant);
  graph.sweepFrom(node);
  // A node that stays, for another of its results or an output, keeps its names.
  if (node.graph || owner !== graph) constant.name = names.fresh(`${value.name}_value`);
}

/** Whether an operand matters for its element type alone, and that is not known yet. */
function needsTypes(model: Model): boolean {
  for (const node of model.graph.nodes()) if (node.inputs.some((v, i) => v && v.dtype === undefined && isTypeOnly(node.op, i))) return true;
  return false;
}

/** Values that depend on constants alone and that something else uses. */
function conesOf(graph: Graph): Value[] {
  const foldable = new Set<Node>();
  const wanted: Value[] = [];
  for (const node of graph.allNodes()) {
    const fixed = node.op.domain === '' && schemaOf(node.op)?.deterministic === true && !isStorage(node.op);
    const known = node.inputs.every((v, i) => !v || constantOf(v) || (v.producer && foldable.has(v.producer)) || standIn(node, i));
    const isLiteral = node.outputs.length === 1 && constantOf(node.outputs[0]) !== undefined;
    if (fixed && known && !isLiteral && [...node.subgraphs()].length === 0) foldable.add(node);
  }
  for (const node of foldable) {
    for (const value of node.outputs) {
      if ([...value.uses].some(use => use.kind === 'operand' && !foldable.has(use.node))) wanted.push(value);
    }
  }
  return wanted;
}

/** All values when they fit into the budget together, else the small ones that do. A value that replaces larger operands is free. */
function withinBudget(values: readonly Value[], sizes: ReadonlyMap<Value, ConeSize>, budget: number): { chosen: Value[]; over: Value[] } {
  const growth = (value: Value) => Math.max(0, ((sizes.get(value) as number | undefined) ?? 0) - freedBy(value));
  const possible = values.filter(v => !(sizes.get(v) instanceof RuntimeFailure));
  const allFit = possible.reduce((sum, v) => sum + growth(v), 0) <= budget;
  const largest = (value: Value) => (allFit ? Number.POSITIVE_INFINITY : isGenerator((value.producer as Node).op) ? 0 : SMALL);
  const chosen: Value[] = [];
  const over: Value[] = [];
  let left = budget;
  for (const value of possible) {
    const cost = growth(value);
    if (cost > left || cost > largest(value)) over.push(value);
    else {
      left -= cost;
      chosen.push(value);
    }
  }
  return { chosen, over };
}

/** Bytes of the operands that nothing else needs. */
function freedBy(value: Value): number {
  const operands = (value.producer as Node).inputs.map(v => (v?.uses.size === 1 ? (constantOf(v)?.byteLength ?? 0) : 0));
  return operands.reduce((a, b) => a + b, 0);
}
