import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { isStorage } from '../ops/facts.ts';
import { type ReasonCode, Refusal } from '../rewrite/refusal.ts';
import type { DType } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { evaluateCall } from './call.ts';
import { DOMAIN } from './frelu.ts';
import { constantTap, type Linear } from './linear.ts';
import { operators, QUANTISED, strangers } from './maximum.ts';
import { channelMove, isNoOp, type View, viewOf } from './view.ts';

/** The largest of several linear maps of x. */
export interface Maximum {
  readonly maps: readonly Linear[];
  /** Its channels lie behind the spatial axes. */
  readonly last: boolean;
  /** What it is instead, where it is no such maximum but comes close. */
  readonly opaque?: string;
}

/** What x may be, and the spatial rank of the convolution that says so. */
export interface Leaf extends View {
  readonly spatialRank: number;
  /** The element type of that convolution's weight, so of x. */
  readonly dtype: DType | undefined;
}

/** Sets of maps grow by addition; a funnel has three. */
const MOST_MAPS = 6;
/** A funnel in the most roundabout export has some 20. */
const MOST_NODES = 64;

/** Computes values as maxima of linear maps of one image, the leaf. */
export class Evaluation {
  /** The nodes that were computed with, root first. */
  readonly nodes = new Set<Node>();
  /** Conditions that failed although the computation is a funnel's. */
  readonly conditions: Refusal[] = [];
  /** Weights as they are in the file, so that an untouched one stays what it is. */
  readonly constants = new Map<Tensor, Value>();
  /** Depthwise convolutions of the leaf met so far. */
  convolutions = 0;
  /** How many the convolutions have. */
  channels = 1;
  /** The leaf as the convolutions see it: channels first. */
  image: Value | undefined;
  /** Why the computation is none, for people. */
  reason: string | undefined;
  readonly #leaf: Leaf;
  readonly #known = new Map<Value, Maximum | undefined>();
  #seen = false;

  constructor(leaf: Leaf) {
    this.#leaf = leaf;
  }

  /** The number of axes of the leaf. */
  get rank(): number {
    return this.#leaf.spatialRank + 2;
  }
  /** The root is an imitation of a maximum. */
  opaque = false;

  /** How much of a funnel was there: x (1), and a depthwise convolution of it (2). */
  get closeness(): 0 | 1 | 2 {
    return this.#seen ? (this.convolutions > 0 ? 2 : 1) : 0;
  }

  /** Notes why the computation is none; the first reason counts. */
  reject(why: string): undefined {
    this.reason ??= why;
    return undefined;
  }

  /** Notes that an operator is none of the algebra's: what it is there for, if that has a name. */
  rejectStranger(node: Node, otherwise: string): undefined {
    return this.reject(strangerBefore(node) ?? otherwise);
  }

  /** Notes what keeps a funnel from being taken for one. */
  refuse(code: ReasonCode, detail: string): void {
    this.conditions.push(new Refusal(code, detail));
  }

  evaluate(value: Value | undefined): Maximum | undefined {
    if (!value) return undefined;
    if (!this.#known.has(value)) {
      // A value in the making is not its own operand: graphs have no circles.
      this.#known.set(value, undefined);
      this.#known.set(value, this.#leafAt(value) ?? this.#compute(value));
    }
    return this.#known.get(value);
  }

  /** A weight. Where a caller may override it, its default, and a note. */
  parameter(value: Value | undefined): Tensor | undefined {
    const tensor = constantOf(value);
    const fallback = value?.definition.kind === 'input' ? value.definition.fallback : undefined;
    if (tensor && value) this.constants.set(tensor, value);
    else if (fallback)
      this.refuse(
        'E_OVERRIDABLE',
        `${value!.name} is an initializer that the caller can override; freeze-initializers makes it a constant`,
      );
    else if (value?.producer && isStorage(value.producer.op))
      this.refuse('E_QUANTISED', `${value.name} is stored quantised, and folding would undo that`);
    else if (value?.producer?.inputs.every(v => constantOf(v)))
      this.refuse('E_UNFOLDED', `${value.name} is a ${value.producer.op.name} of constants that was not folded`);
    else if (value) this.refuse('E_DYNAMIC', `${value.name} is computed at run time`);
    return tensor ?? fallback;
  }

  /** x, or zero, as a map. */
  tap(value: Value, centre: 0 | 1): Linear {
    return constantTap(value.dtype ?? this.#leaf.dtype ?? 'float', 1, this.#leaf.spatialRank, centre);
  }

  #leafAt(value: Value): Maximum | undefined {
    const { value: seen, moved } = viewOf(value);
    if (seen !== this.#leaf.value) return undefined;
    this.#seen = true;
    const last = lastOf(this.#leaf.moved, moved, this.rank);
    return last === undefined ? this.reject('its axes are exchanged otherwise') : { maps: [this.tap(value, 1)], last };
  }

  #compute(value: Value): Maximum | undefined {
    const node = value.producer;
    if (!node || value !== node.outputs[0]) return undefined;
    if (node.op.domain === DOMAIN) {
      this.nodes.add(node);
      return evaluateCall(node, this);
    }
    if (node.op.domain !== '') {
      if (node.op.name === 'DequantizeLinear') this.refuse('E_QUANTISED', QUANTISED);
      return this.reject(foreign(node));
    }
    if (this.nodes.size >= MOST_NODES) return this.reject('it is far from x');
    this.nodes.add(node);
    if (isNoOp(node)) return this.evaluate(node.inputs[0]);
    const move = channelMove(node);
    if (move) {
      const inner = this.evaluate(node.inputs[0]);
      // With one spatial axis, there is the same permutation as back.
      if (inner && this.rank > 3 && inner.last === (move === 'last')) return this.reject('its axes are exchanged otherwise');
      return inner && { ...inner, last: !inner.last };
    }
    const compute = Object.hasOwn(operators, node.op.name) ? operators[node.op.name] : undefined;
    if (!compute) return this.rejectStranger(node, `a ${node.op.name} takes part`);
    const result = compute(node, this);
    return result && result.maps.length > MOST_MAPS ? this.reject('it is the largest of many branches') : result;
  }
}

/** Whether a view of the leaf has its channels last, where the convolutions see the leaf under `leaf`; undefined for other permutations. */
function lastOf(leaf: View['moved'], view: View['moved'], rank: number): boolean | undefined {
  if (leaf === view) return false;
  if (leaf === 'nowhere') return view === 'last' ? true : undefined;
  const leafIsLast = leaf === 'first' || rank === 3;
  return leafIsLast && view === 'nowhere' ? true : undefined;
}

/** An operator that a runtime's optimiser or a framework has for itself. */
export const foreign = (node: Node): string => `${displayOp(node.op)} is no operator of ONNX: look for FReLU before a runtime optimises`;

/** What an operator outside of the algebra is there for: it may be the tail of something that has a name. */
function strangerBefore(node: Node): string | undefined {
  const seen = new Set([node]);
  // A set grows while it is walked.
  for (const next of seen) {
    const known = next.op.domain === '' ? strangers[next.op.name] : undefined;
    if (known !== undefined) return known;
    for (const value of next.inputs) if (value?.producer && seen.size < MOST_NODES / 4) seen.add(value.producer);
  }
  return undefined;
}
