import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { isStorage } from '../ops/facts.ts';
import type { OpName } from '../ops/schema.ts';
import type { Match } from '../rewrite/match.ts';
import { Pattern, type RootPattern } from '../rewrite/pattern.ts';
import { Refusal } from '../rewrite/refusal.ts';
import { conditionsOf, isCallOf, variants } from './call.ts';
import { Evaluation, foreign, type Leaf, type Maximum } from './evaluate.ts';
import { type Condition, DOMAIN, functionName } from './frelu.ts';
import { isTap, type Linear, spread } from './linear.ts';
import { QUANTISED } from './maximum.ts';
import { isNoOp, viewOf } from './view.ts';

/** A Funnel Activation found in a graph: y = max(x, T(x)), or max(x, T₁(x), T₂(x)). */
export interface Funnel {
  /** [N, C, …]. */
  readonly x: Value;
  /** y has its channels behind the spatial axes. */
  readonly last: boolean;
  /** T, one or two of them. */
  readonly conditions: readonly Linear[];
  /** What it is written as: the nodes it takes, root first. */
  readonly nodes: readonly Node[];
}

/** Operators that a spelled-out maximum can end with. */
export const roots = ['Max', 'Where', 'ReduceMax', 'Add', 'Sum'] as const satisfies readonly OpName[];

/** How many nodes before the root are looked at for a depthwise convolution, and how far back. */
const REACH = { nodes: 48, depth: 20 };

/**
 * Matches any computation that is a Funnel Activation: whatever mixture of Conv, BatchNormalization, Pad, Add, Sub, Mul, Relu, Max,
 * Where, ReduceMax, Cast and Transpose turns out to be the maximum of x and one or two depthwise convolutions of x.
 *
 * Values are computed as sets of linear maps of x of which the largest counts (the algebra of max and +): a + b adds each map of a to
 * each of b, max(a, b) unites the sets, relu(a) adds the map 0. So max(x, T), relu(x − T) + T and x + relu(T − x) are one thing:
 * {x, T}.
 *
 * With `explain`, what comes close is matched too, with the reason why it is none.
 */
export function spelledFunnel(root: OpName, explain = false): RootPattern<{ funnel: Funnel }> {
  return new (class extends Pattern<{ funnel: Funnel }> {
    readonly op = root;
    match(value: Value | undefined, m: Match): boolean {
      const node = value?.producer;
      if (node?.op.name !== root || node.op.domain !== '') return false;
      let miss: Evaluation | undefined;
      for (const leaf of leavesBefore(node)) {
        const found = new Evaluation(leaf);
        const y = found.evaluate(value);
        const funnel = y && asFunnel(y, leaf, found);
        if (funnel) {
          for (const { code, detail } of found.conditions) m.miss(code, detail);
          for (const [tensor, known] of found.constants) m.know(tensor, known);
          m.consumeAll(funnel.nodes);
          return m.bind('funnel', value, funnel);
        }
        if (!miss || found.closeness > miss.closeness) miss = found;
        miss.opaque ||= y?.opaque !== undefined && miss === found;
      }
      if (!explain) return false;
      // Sums are everywhere; only one that imitates a maximum is worth a word.
      const near = root === 'Max' || (miss?.closeness === 2 && (miss.opaque || (root !== 'Add' && root !== 'Sum')));
      const why = near ? ((miss && reasonOf(miss)) ?? maxOfWhat(node)) : undefined;
      if (why === undefined) return false;
      m.consumeAll([node]);
      m.miss(why.code, why.detail);
      return true;
    }
  })();
}

function asFunnel(y: Maximum, leaf: Leaf, found: Evaluation): Funnel | undefined {
  if (y.opaque !== undefined) return found.reject(y.opaque);
  if (found.convolutions === 0 || !found.image) return found.reject('there is no convolution of x');
  const own = y.maps.findIndex(map => isTap(map, 1));
  // Where T is x too, one map is left.
  const conditions = y.maps.length === 1 ? y.maps : y.maps.filter((_, i) => i !== own);
  const { channels } = found;
  // A constant with more channels than x would make y larger than x.
  if (y.maps.some(({ weight, bias }) => [weight.dims[0]!, bias.size].some(n => n !== 1 && n !== channels)))
    return found.reject('a constant has other channels than x');
  if (own < 0) return found.reject('it is the largest of branches (Maxout), none of which is x itself');
  if (conditions.length > 2) return found.reject(`it is the largest of ${conditions.length + 1} branches`);
  return {
    x: leaf.moved === 'nowhere' ? leaf.value : found.image,
    last: y.last,
    conditions: conditions.map(map => spread(map, channels)),
    nodes: [...found.nodes],
  };
}

/** Why what comes close is none. */
function reasonOf({ closeness, conditions, reason }: Evaluation): Refusal | undefined {
  if (closeness === 0 || reason === undefined) return undefined;
  return conditions[0] ?? new Refusal('E_FORM', reason);
}

/** Why a Max without a convolution before it is no funnel; undefined where it plainly is no activation. */
function maxOfWhat({ inputs }: Node): Refusal | undefined {
  if (inputs.length < 2) return undefined;
  const bound = inputs.find(v => constantOf(v));
  if (bound) return new Refusal('E_FORM', `it compares with the constant ${bound.name}`);
  const vector = inputs.some(v => v?.shape && v.shape.length < 3);
  if (vector) return undefined;
  const producers = inputs.flatMap(v => v?.producer ?? []);
  if (producers.some(n => isDequantised(n))) return new Refusal('E_QUANTISED', QUANTISED);
  const stranger = producers.find(n => n.op.domain !== '');
  return new Refusal(
    'E_FORM',
    stranger ? foreign(stranger) : 'it is the largest of different branches (Maxout): none is a depthwise convolution of another',
  );
}

/** Whether a node's data was quantised a few nodes before. */
function isDequantised(node: Node, reach = 4): boolean {
  const before = node.inputs[0]?.producer;
  return isStorage(node.op) || (reach > 0 && before !== undefined && isDequantised(before, reach - 1));
}

/** What x may be: the data of each convolution or FReLU before `root` (except for Max, only of grouped convolutions), nearest first. */
function leavesBefore(root: Node): Leaf[] {
  const leaves: Leaf[] = [];
  const seen = new Set([root]);
  let level = [root];
  for (let depth = 0; level.length > 0 && depth < REACH.depth && seen.size < REACH.nodes; depth++) {
    const next: Node[] = [];
    for (const value of level.flatMap(node => node.inputs)) {
      const node = value?.producer;
      if (!node || seen.has(node)) continue;
      seen.add(node);
      next.push(node);
      const called = node.op.domain === DOMAIN;
      if (!called && (displayOp(node.op) !== 'Conv' || (root.op.name !== 'Max' && (dimsOf(node.inputs[1])?.[1] ?? 1) !== 1))) continue;
      const leaf = dataOf(node);
      if (leaf && !leaves.some(l => l.value === leaf.value)) leaves.push(leaf);
    }
    level = next;
  }
  return leaves;
}

const dimsOf = (value: Value | undefined) => constantOf(value)?.dims ?? value?.shape;

/** What a convolution convolves, seen through a Pad. */
function dataOf(conv: Node): Leaf | undefined {
  let data = conv.inputs[0];
  for (let node = data?.producer; node?.op.domain === '' && (node.op.name === 'Pad' || isNoOp(node)); node = data?.producer)
    data = node.inputs[0];
  const rank = dimsOf(conv.inputs[1])?.length;
  return data && rank !== undefined && rank > 2 ? { ...viewOf(data), spatialRank: rank - 2, dtype: conv.inputs[1]?.dtype } : undefined;
}

/** Matches a call of one of the functions that FReLU is fused into. */
function calledFunnel(variant: { readonly condition: Condition; readonly spatialRank: number }): RootPattern<{ funnel: Funnel }> {
  const { condition, spatialRank } = variant;
  const name = functionName({ condition, combine: 'max', trainable: false }, spatialRank);
  const op = `${DOMAIN}.${name}`;
  return new (class extends Pattern<{ funnel: Funnel }> {
    readonly op = op;
    match(value: Value | undefined, m: Match): boolean {
      const node = value?.producer;
      const x = node?.inputs[0];
      if (!node || !x || displayOp(node.op) !== op) return false;
      if (!isCallOf(node, name)) {
        m.consumeAll([node]);
        m.miss('E_FORM', `the model's own ${op} computes something else than the function of that name here`);
        return true;
      }
      const found = new Evaluation({ value: x, moved: 'nowhere', spatialRank, dtype: node.inputs[1]?.dtype });
      const conditions = conditionsOf(node, condition, found);
      m.consumeAll([node]);
      for (const { code, detail } of found.conditions) m.miss(code, detail);
      for (const [tensor, known] of found.constants) m.know(tensor, known);
      if (conditions.length === 0) m.miss('E_FORM', `it is no call of ${op} as it is defined here`);
      return m.bind('funnel', value, { x, last: false, conditions, nodes: [node] });
    }
  })();
}

/** Funnels, called and spelled out. */
export const funnelPatterns: readonly RootPattern<{ funnel: Funnel }>[] = [
  ...variants.map(calledFunnel),
  ...roots.map(root => spelledFunnel(root)),
];
