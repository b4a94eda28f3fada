import type { Value } from '../src/ir/value.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Writes Sum as Add, one after the other.
 *
 * ONNX Runtime's WebGPU provider has no Sum: tensors would travel to the CPU and back.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] a, float[2] b, float[2] c) => (float[2] y) {
 *   y = Sum (a, b, c)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2] a, float[2] b, float[2] c) => (float[2] y) {
 *   y_Add = Add (a, b)
 *   y = Add (y_Add, c)
 * }
 * ```
 */
export const sumToAdd = pass(
  'sum-to-add',
  'exact',
  rule({
    match: p.Sum(any('first')).variadic().as('sum'),
    // ONNX Runtime has no Add before operator set 7.
    rewrite: ({ first, sum }, op) =>
      op.opset < 7 ? undefined : sum.node.inputs.slice(1).reduce<Value>((a, b) => (b ? op.Add(a, b) : a), first),
  }),
);
