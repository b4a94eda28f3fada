import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { outerOperands } from '../ir/operands.ts';
import type { Value } from '../ir/value.ts';
import { toldBy } from '../rewrite/provenance.ts';
import { isTensor, nodesBehind, orderOf, sorted } from './chain.ts';
import { fixedTensor } from './cut.ts';
import { matchValues } from './match-values.ts';

/** A value that both models compute, and the nodes of B that compute it from other such values. */
export interface Segment {
  readonly a: Value;
  readonly b: Value;
  /** Of B, in topological order. */
  readonly nodes: readonly Node[];
  /** The values of B that they start from: shared values, and inputs of the model. */
  readonly from: readonly Value[];
  /** The nodes of A that compute it, and the values of A that they start from, likewise. */
  readonly before: { readonly nodes: readonly Node[]; readonly from: readonly Value[] };
}

export interface Shared {
  /** In A's order: what a segment starts from comes before it. */
  readonly segments: readonly Segment[];
  /** Values of B and the values of A that they stand for: those of segments, and inputs. */
  readonly twins: ReadonlyMap<Value, Value>;
}

/**
 * Finds the values that two models share: results of nodes that structure tells are the same, or results of one name; see `matchValues`. A wrong guess does no harm: it turns out to be another value, and what follows from it shows that this is no fault.
 */
export function sharedValues(a: Model, b: Model): Shared {
  const twins = new Map<Value, Value>();
  const guessed = guess(a, b);
  const order = orderOf(a);
  const taken = new Set<Value>();
  const results = [...b.graph.nodes()].flatMap(node => node.outputs);
  for (const value of [...b.graph.outputs, ...results]) {
    const twin = guessed.get(value);
    const known = value.producer && twin?.producer && order.has(twin.producer);
    // What a pass has made is what it was made of, but not what that computed: there the name alone counts.
    if (known && value.name !== twin.name && toldBy(value.producer).pass !== undefined) continue;
    if (!known || twins.has(value) || taken.has(twin) || !isTensor(value) || value.dtype !== twin.dtype) continue;
    if (fixedTensor(value) || fixedTensor(twin)) continue;
    twins.set(value, twin);
    taken.add(twin);
  }
  const place = (value: Value) => order.get(twins.get(value)!.producer!)!;
  const inputs = new Map(a.graph.inputs.map(v => [v.name, v]));
  const orderOfB = orderOf(b);
  for (;;) {
    const known = new Set(twins.values());
    const segments = [...twins].map(
      ([value, twin]): Segment => ({
        a: twin,
        b: value,
        ...stretchTo(value, v => twins.has(v), orderOfB),
        before: stretchTo(twin, v => known.has(v), order),
      }),
    );
    // Models that use two names the other way round would have a value wait for a later one.
    const late = new Set(segments.flatMap(s => s.from.filter(w => w.producer && place(w) > place(s.b))));
    if (late.size === 0) {
      segments.sort((x, y) => place(x.b) - place(y.b) || orderOfB.get(x.b.producer!)! - orderOfB.get(y.b.producer!)!);
      for (const input of b.graph.inputs) if (inputs.has(input.name)) twins.set(input, inputs.get(input.name)!);
      return { segments, twins };
    }
    for (const value of late) twins.delete(value);
  }
}

/** The nodes that lead to a value from those that are known, and the values that these nodes start from. */
function stretchTo(value: Value, isKnown: (value: Value) => boolean, order: ReadonlyMap<Node, number>): Pick<Segment, 'nodes' | 'from'> {
  const nodes = sorted(nodesBehind([value], isKnown), order);
  const inside = new Set(nodes.flatMap(node => node.outputs));
  const from = new Set<Value>();
  for (const operand of nodes.flatMap(node => [...outerOperands(node)])) {
    const fixed = operand.definition.kind === 'sparse' || fixedTensor(operand);
    if (!fixed && (isKnown(operand) || !inside.has(operand))) from.add(operand);
  }
  return { nodes, from: [...from] };
}

/** Values of B and those of A that they seem to be. Outputs go by their names alone. */
function guess(a: Model, b: Model): Map<Value, Value> {
  const values = matchValues(a.graph, b.graph);
  const outputs = new Map(a.graph.outputs.map(v => [v.name, v]));
  for (const value of b.graph.outputs) if (outputs.has(value.name)) values.set(value, outputs.get(value.name)!);
  return values;
}
