import { constantOf } from '../src/ir/constant.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, optional, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Removes Identity, and Dropout where it is an identity: at inference.
 *
 * Dropout trains where its training_mode input (operator set 12 on) is true, or, before operator set 7, where is_test is 0.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2,3] x) => (float[2,3] y) {
 *   a = Identity (x)
 *   b = Relu (a)
 *   y = Dropout (b)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2,3] x) => (float[2,3] y) {
 *   y = Relu (x)
 * }
 * ```
 */
export const dropIdentity = pass('drop-identity', 'exact', [
  rule({
    match: p.Identity(any('x')),
    rewrite: ({ x }) => x,
  }),
  rule({
    match: p.Dropout(any('x'), optional(any()), optional(any('training'))).with({ is_test: 1 }, 'E_TRAINING'),
    rewrite({ x, training }, op) {
      if (!training || constantOf(training)?.numbers()[0] === 0) return x;
      return op.refuse('E_TRAINING', `training_mode is ${training.name}`);
    },
  }),
]);
