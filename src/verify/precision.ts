import { TypeCheck } from '../ir/check-types.ts';
import type { Graph } from '../ir/graph.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { schemaOf } from '../ir/op.ts';
import { outerOperands } from '../ir/operands.ts';
import type { Value } from '../ir/value.ts';
import { isExact, isShapeOnly, isTypeOnly } from '../ops/facts.ts';
import { type Precision, precisions } from '../tensor/dtype.ts';
import { epsilonOf } from '../tensor/ulp.ts';
import { fixedTensor } from './cut.ts';

/**
 * By output, the coarsest floating type that it was rounded to on its way: that of arithmetic, and that of a Cast of what was computed. Mere
 * storage rounds nothing: of weights in float16 that are cast to float, a network of float is made; nor does what is computed of constants alone. An output
 * that no rounding reaches has none.
 */
export function precisionsOf({ graph }: Model): Map<string, Precision> {
  const roundings = new Roundings(graph.nodes());
  return new Map(
    graph.outputs.flatMap(output => {
      const precision = roundings.of(output);
      return precision ? [[output.name, precision] as const] : [];
    }),
  );
}

/** The same for a value that these nodes, in topological order, compute of values that are given. */
export function precisionWithin(nodes: Iterable<Node>, value: Value): Precision | undefined {
  return new Roundings(nodes).of(value);
}

class Roundings {
  readonly #types = new TypeCheck();
  readonly #coarsest = new Map<Value, Precision>();
  /** Results that depend on nothing that is fed. */
  readonly #fixed = new Set<Value>();

  constructor(nodes: Iterable<Node>) {
    for (const node of nodes) this.#visit(node);
  }

  of(value: Value): Precision | undefined {
    return this.#coarsest.get(value);
  }

  #visit(node: Node): void {
    const operands = [...outerOperands(node)];
    const inside = [...node.subgraphs()];
    const schema = schemaOf(node.op);
    if (schema) this.#types.visit(node, schema, () => {});
    if (operands.every(value => this.#fixed.has(value) || fixedTensor(value))) {
      for (const value of node.outputs) this.#fixed.add(value);
      return;
    }
    const used = operands.filter(value => !isShapeOnly(node.op) && !isTypeOnly(node.op, node.inputs.indexOf(value)));
    const before = coarsest(used.map(value => this.of(value)));
    if (inside.length > 0) this.#note(node.outputs, this.#throughBodies(inside, before));
    else if (before || !(isExact(node.op) || isShapeOnly(node.op)))
      this.#note(node.outputs, coarsest([before, this.#typeIn(node.outputs) ?? this.#typeIn(used)]));
  }

  /** What goes round in a loop is rounded to whatever the body rounds to. */
  #throughBodies(graphs: readonly Graph[], before: Precision | undefined): Precision | undefined {
    let [known, result] = [before, before];
    do {
      known = result;
      for (const graph of graphs) {
        this.#note(graph.inputs, known);
        for (const node of graph.nodes()) this.#visit(node);
      }
      result = coarsest([known, ...graphs.flatMap(graph => graph.outputs.map(value => this.of(value)))]);
    } while (result !== known);
    return result;
  }

  #typeIn(values: readonly Value[]): Precision | undefined {
    const types = values.map(value => this.#types.dtypeOf(value) ?? value.dtype);
    return coarsest(types.map(type => precisions.find(precision => precision === type)));
  }

  #note(values: readonly Value[], precision: Precision | undefined): void {
    if (precision) for (const value of values) this.#coarsest.set(value, precision);
  }
}

function coarsest(types: readonly (Precision | undefined)[]): Precision | undefined {
  return types.reduce((most, type) => (type && (!most || epsilonOf(type) > epsilonOf(most)) ? type : most), undefined);
}
