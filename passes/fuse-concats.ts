import { attrsOf } from '../src/ir/attrs.ts';
import type { Node } from '../src/ir/node.ts';
import type { Value } from '../src/ir/value.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, p } from '../src/rewrite/pattern.ts';
import { rule } from '../src/rewrite/rule.ts';

/**
 * Puts the operands of a Concat in its place where another Concat along the same axis takes it in.
 *
 * A Concat whose result is needed elsewhere too stays, and so does the one that takes it in: joining them would copy its operands twice.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,1] a, float[N,2] b, float[N,3] c) => (float[N,9] y) {
 *   s = Concat <axis: int = 1> (b, c)
 *   t = Concat <axis: int = 1> (c, a, s)
 *   y = Relu (t)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[N,1] a, float[N,2] b, float[N,3] c) => (float[N,9] y) {
 *   t = Concat <axis: int = 1> (c, a, b, c)
 *   y = Relu (t)
 * }
 * ```
 */
export const fuseConcats = pass(
  'fuse-concats',
  'exact',
  rule({
    match: p.Concat(any()).variadic().taking(inner).as('outer'),
    rewrite({ outer: { node, attrs } }, op) {
      const nodes = inner(node);
      const operands = node.inputs.flatMap(v => (v?.producer && nodes.includes(v.producer) ? v.producer.inputs : [v]));
      return op.Concat(...(operands as Value[]), { axis: attrs.axis });
    },
  }),
);

/** The Concats that a Concat takes in, along the same axis, and nothing else does. */
function inner(outer: Node): Node[] {
  const { axis } = attrsOf(outer, 'Concat');
  const isOurs = (value: Value) => [...value.uses].every(use => use.kind === 'operand' && use.node === outer);
  return outer.inputs.flatMap(v => {
    const node = v?.producer;
    return node?.op.name === 'Concat' && node.op.domain === '' && attrsOf(node, 'Concat').axis === axis && isOurs(v!) ? [node] : [];
  });
}
