import { TypeCheck } from '../ir/check-types.ts';
import type { Graph } from '../ir/graph.ts';
import type { Model } from '../ir/model.ts';
import { Node } from '../ir/node.ts';
import { opOf, schemaOf } from '../ir/op.ts';
import { retyped } from '../ir/retype.ts';
import type { Value } from '../ir/value.ts';
import { codeOfDtype, type DType } from '../tensor/dtype.ts';

/**
 * A model of constants that computes in float what this one computes in bfloat16, which ONNX Runtime's CPU provider has hardly a kernel
 * for: each result is rounded to bfloat16 before it is used. Element types of the outputs as they were come with it.
 */
export function widened(model: Model): { readonly model: Model; readonly dtypes: readonly (DType | undefined)[] } {
  const types = new TypeCheck();
  for (const node of model.graph.nodes()) {
    const schema = schemaOf(node.op);
    if (schema) types.visit(node, schema, () => {});
  }
  const copy = retyped(model, dtype => (dtype === 'bfloat16' ? 'float' : dtype));
  const names = { next: 0 };
  const originals = [...model.graph.nodes()];
  for (const [i, node] of [...copy.graph.nodes()].entries()) {
    for (const [k, value] of node.outputs.entries()) {
      if (types.dtypeOf(originals[i]!.outputs[k]!) === 'bfloat16') roundInPlace(copy.graph, value, names, copy.opsets);
    }
  }
  return { model: copy, dtypes: model.graph.outputs.map(value => types.dtypeOf(value)) };
}

/** Lets everything that used a result use it rounded; the rounded value has its name. */
function roundInPlace(graph: Graph, value: Value, names: { next: number }, opsets: ReadonlyMap<string, number>): void {
  const uses = new Set(value.uses);
  const { name } = value;
  value.name = `wide${names.next++}`;
  let last = value;
  for (const [to, result] of [
    ['bfloat16', `narrow${names.next++}`],
    ['float', name],
  ] as const) {
    const attributes = new Map([['to', { type: 'int', value: BigInt(codeOfDtype(to)) } as const]]);
    const cast = new Node(opOf('', 'Cast', '', opsets), [last], [{ name: result }], { attributes });
    graph.insertBefore(last.producer!.next, cast);
    last = cast.outputs[0]!;
  }
  for (const use of uses) {
    if (use.kind === 'operand') use.node.setInput(use.index, last);
    else use.graph.setOutput(use.index, last);
  }
}
