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
    match: p.Concat(any()).variadic().taking(takenIn).as('outer'),
    rewrite({ outer: { node, attrs } }, op) {
      const nodes = new Set(takenIn(node));
      const operands: Value[] = [];
      // The last one pending is the next.
      const pending = node.inputs.toReversed();
      while (pending.length > 0) {
        const value = pending.pop()!;
        if (value.producer && nodes.has(value.producer)) pending.push(...value.producer.inputs.toReversed());
        else operands.push(value);
      }
      return op.Concat(...operands, { axis: attrs.axis });
    },
  }),
);

/** The Concats along the same axis that only this one needs, directly or by way of each other. One that is taken in itself takes in none. */
function takenIn(outer: Node): Node[] {
  if (consumerOf(outer)) return [];
  const nodes = new Set([outer]);
  for (const node of nodes) {
    for (const { producer } of node.inputs as Value[]) if (producer && consumerOf(producer) === node) nodes.add(producer);
  }
  nodes.delete(outer);
  return [...nodes];
}

/** The only node that needs a Concat, where that is one along the same axis. */
function consumerOf(node: Node): Node | undefined {
  const isConcat = ({ op }: Node) => op.name === 'Concat' && op.domain === '';
  if (!isConcat(node)) return undefined;
  let consumer: Node | undefined;
  for (const use of node.outputs[0]!.uses) {
    if (use.kind === 'output' || (consumer && consumer !== use.node)) return undefined;
    consumer = use.node;
  }
  const isSame = consumer && isConcat(consumer) && attrsOf(consumer, 'Concat').axis === attrsOf(node, 'Concat').axis;
  return isSame && consumer?.graph === node.graph ? consumer : undefined;
}
