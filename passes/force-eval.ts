import { constantOf } from '../src/ir/constant.ts';
import { schemaOf } from '../src/ir/op.ts';
import type { OpName } from '../src/ops/schema.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, type Matched, optional, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Takes BatchNormalization and Dropout out of training mode: training_mode becomes false, is_test becomes 1 (before operator set 7), and
 * the statistics that BatchNormalization gives while training go.
 *
 * Exporters leave training on by mistake. The model computes something else then: an explicit choice, never part of a pipeline by
 * itself. Where something uses the statistics of the batch, or Dropout's mask, the node stays.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2,1] x, float[1] s, float[1] b, float[1] m, float[1] v) => (float[2,1] y) {
 *   y, mean, var = BatchNormalization <training_mode: int = 1> (x, s, b, m, v)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[2,1] x, float[1] s, float[1] b, float[1] m, float[1] v) => (float[2,1] y) {
 *   y = BatchNormalization (x, s, b, m, v)
 * }
 * ```
 */
export const forceEval = pass('force-eval', 'changes', [
  rule({
    match: p.BatchNormalization(any('x'), any('scale'), any('bias'), any('mean'), any('variance')).as('bn'),
    rewrite({ x, scale, bias, mean, variance, bn }, op) {
      const further = bn.node.outputs.slice(1).some(o => o.name !== '');
      if (op.opset >= 14 ? bn.attrs.training_mode !== 1 : op.opset >= 7 ? !further : bn.attrs.is_test === 1) return undefined;
      return op.BatchNormalization(x, scale, bias, mean, variance, {
        ...known(bn),
        ...(op.opset >= 14 ? { training_mode: 0 } : test(op.opset)),
      });
    },
  }),
  rule({
    match: p.Dropout(any('x'), optional(any('ratio')), optional(any('training'))).as('dropout'),
    rewrite({ x, ratio, training, dropout }, op) {
      const asTold = op.opset >= 7 && (!training || constantOf(training)?.numbers()[0] === 0);
      if (asTold || (op.opset < 7 && dropout.attrs.is_test === 1)) return undefined;
      if (training && !constantOf(training)) op.note(`${training.name} no longer says whether it trains`);
      return op.Dropout(x, ratio, undefined, { ...known(dropout), ...test(op.opset) });
    },
  }),
]);

const test = (opset: number) => (opset < 7 ? { is_test: 1 } : {});

/** The attributes that the operator's version has: a file may hold others. */
function known<K extends OpName>({ node, attrs }: Matched<K>): Matched<K>['attrs'] {
  const own = schemaOf(node.op)?.attributes;
  return Object.fromEntries(Object.entries(attrs as object).filter(([name]) => own?.has(name))) as Matched<K>['attrs'];
}
