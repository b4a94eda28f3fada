import { constantOf } from '../src/ir/constant.ts';
import type { Node } from '../src/ir/node.ts';
import { schemaOf } from '../src/ir/op.ts';
import type { Value } from '../src/ir/value.ts';
import type { OpName } from '../src/ops/schema.ts';
import type { Match } from '../src/rewrite/match.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, type Matched, optional, Pattern, p, type RootPattern } from '../src/rewrite/pattern.ts';
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
    match: training(p.BatchNormalization(any('x'), any('scale'), any('bias'), any('mean'), any('variance')).as('bn')),
    rewrite: ({ x, scale, bias, mean, variance, bn }, op) =>
      op.BatchNormalization(x, scale, bias, mean, variance, { ...known(bn), ...evaluation(op.opset) }),
  }),
  rule({
    match: training(p.Dropout(any('x'), optional(any('ratio')), optional(any('training'))).as('dropout')),
    rewrite({ x, ratio, training, dropout }, op) {
      if (training && !constantOf(training)) op.note(`${training.name} no longer says whether it trains`);
      return op.Dropout(x, ratio, undefined, { ...known(dropout), ...(op.opset < 7 && evaluation(op.opset)) });
    },
  }),
]);

/** The attribute that says so, in operator sets that have one. */
const evaluation = (opset: number) => (opset < 7 ? { is_test: 1 } : opset < 14 ? {} : { training_mode: 0 });

/** Matches what `inner` does where the node trains, or may. */
function training<C extends {}>(inner: RootPattern<C>): RootPattern<C> {
  return new (class extends Pattern<C> {
    readonly op = inner.op;
    match(value: Value | undefined, m: Match): boolean {
      return value?.producer !== undefined && mayTrain(value.producer) && inner.match(value, m);
    }
  })();
}

function mayTrain({ op, attributes, inputs, outputs }: Node): boolean {
  const version = op.version ?? 0;
  const { type, value } = attributes.get(version < 7 ? 'is_test' : 'training_mode') ?? { type: 'int', value: 0n };
  if (type === 'reference') return true;
  if (version < 7) return value !== 1n;
  if (op.name === 'Dropout') return inputs[2] !== undefined && constantOf(inputs[2])?.numbers()[0] !== 0;
  // Before operator set 14 the further outputs are what tells.
  return version < 14 ? outputs.slice(1).some(o => o.name !== '') : value === 1n;
}

/** The attributes that the operator's version has: a file may hold others. */
function known<K extends OpName>({ node, attrs }: Matched<K>): Matched<K>['attrs'] {
  const own = schemaOf(node.op)?.attributes;
  return Object.fromEntries(Object.entries(attrs as object).filter(([name]) => own?.has(name))) as Matched<K>['attrs'];
}
