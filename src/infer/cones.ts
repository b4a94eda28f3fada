import { constantOf } from '../ir/constant.ts';
import type { Graph } from '../ir/graph.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { schemaOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { isGenerator, isStorage, isTypeOnly } from '../ops/facts.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import { type ConeSize, standIn } from './constants.ts';

/** Values up to this many bytes are small; one that is many times one element is not. */
const SMALL = 1024;

/** Whether a value whose size was not known before is small enough to be folded all the same. */
export const isSmall = (bytes: number | undefined): boolean => (bytes ?? 0) <= SMALL;

/** Whether an operand matters for its element type alone, and that is not known yet. */
export function needsTypes(model: Model): boolean {
  for (const node of model.graph.allNodes())
    if (node.inputs.some((v, i) => v && v.dtype === undefined && isTypeOnly(node.op, i))) return true;
  return false;
}

/** Values that depend on constants alone and that something else uses. */
export function conesOf(graph: Graph): Value[] {
  const foldable = new Set<Node>();
  const wanted: Value[] = [];
  for (const node of graph.allNodes()) {
    const fixed = node.op.domain === '' && schemaOf(node.op)?.deterministic === true && !isStorage(node.op);
    const known = node.inputs.every((v, i) => !v || constantOf(v) || (v.producer && foldable.has(v.producer)) || standIn(node, i));
    const [first, ...others] = node.outputs;
    // What another pass has found a parameter to be is still computed in the file.
    const isLiteral = others.length === 0 && !first?.evaluated && constantOf(first) !== undefined;
    if (fixed && known && !isLiteral && [...node.subgraphs()].length === 0) foldable.add(node);
  }
  for (const node of foldable) {
    for (const value of node.outputs) {
      if ([...value.uses].some(use => use.kind === 'operand' && !foldable.has(use.node))) wanted.push(value);
    }
  }
  return wanted;
}

/**
 * Values to fold: the small ones when together they take no more than half of the budget, and the others likewise; so what a run leaves
 * the next one leaves too. A value that replaces larger operands is free.
 */
export function withinBudget(
  values: readonly Value[],
  sizes: ReadonlyMap<Value, ConeSize>,
  budget: number,
): { chosen: Value[]; over: Value[] } {
  const growth = (value: Value) => Math.max(0, ((sizes.get(value) as number | undefined) ?? 0) - freedBy(value));
  const chosen: Value[] = [];
  const over: Value[] = [];
  const possible = values.filter(v => !(sizes.get(v) instanceof RuntimeFailure));
  const small = (v: Value) => growth(v) <= SMALL && !(growth(v) > 0 && isGenerator((v.producer as Node).op));
  for (const members of [possible.filter(small), possible.filter(v => !small(v))]) {
    const fits = members.reduce((sum, v) => sum + growth(v), 0) <= budget / 2;
    for (const value of members) (fits || growth(value) === 0 ? chosen : over).push(value);
  }
  return { chosen, over };
}

/** Bytes of the operands that nothing else needs. */
function freedBy(value: Value): number {
  const stored = (v: Value) => !v.producer || !isGenerator(v.producer.op);
  const operands = (value.producer as Node).inputs.map(v => (v?.uses.size === 1 && stored(v) ? (constantOf(v)?.byteLength ?? 0) : 0));
  return operands.reduce((a, b) => a + b, 0);
}
