import { forwardShape } from '../infer/forward.ts';
import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { schemaOf } from '../ir/op.ts';
import type { Dim, Use, Value } from '../ir/value.ts';
import { isPosition, isShapeOnly, isStorage, passesOn } from '../ops/facts.ts';
import type { FormalTypes } from '../ops/schema.ts';
import { type DType, dtypeOfCode, isFloat, isInteger } from '../tensor/dtype.ts';
import { fixedTensor } from './cut.ts';

/** What an input of integers takes. */
export interface IntegerRange {
  /** Values from 0 to below this one are right: the least size among the axes that they index; 2 for masks. */
  readonly below: number;
  /** Whether nothing else is made of them that might not take them all. */
  readonly certain: boolean;
}

/**
 * The ranges of the inputs whose elements choose rows of tables: they reach the indices of a Gather, or the like, on an axis of known size;
 * and of masks, which are 0 or 1. Inputs that mean anything else (lengths, sizes, counts) have none.
 */
export function integerRanges({ graph }: Model): Map<string, IntegerRange> {
  const inputs = graph.inputs.filter(({ dtype }) => dtype !== undefined && isInteger(dtype));
  return new Map(
    inputs.flatMap(input => {
      const range = new Uses(input).range();
      return range.below < Number.POSITIVE_INFINITY ? [[input.name, range] as const] : [];
    }),
  );
}

/** Follows an input's elements to whatever may be wrong with them. */
class Uses {
  #below = Number.POSITIVE_INFINITY;
  #certain = true;
  /** Whether somebody asks if elements are 0, and whether nobody asks for more. */
  #isTruth = false;
  #isNothingElse = true;
  readonly #input: Value;
  /** The values that hold elements, and the most that was added to them: infinite where something else was computed of them. */
  readonly #added = new Map<Value, number>();
  readonly #pending: Value[] = [];

  constructor(input: Value) {
    this.#input = input;
    this.#follow([input], 0);
    for (let value = this.#pending.pop(); value; value = this.#pending.pop())
      for (const use of value.uses) {
        if (use.kind === 'operand') this.#use(use.node, use.index, this.#added.get(value)!);
        else {
          this.#isNothingElse = false;
          // What a body hands out is not looked for further on.
          if (use.graph !== this.#input.owner) this.#certain = false;
        }
      }
  }

  range(): IntegerRange {
    return this.#isTruth && this.#isNothingElse ? { below: 2, certain: true } : { below: this.#below, certain: this.#certain };
  }

  #follow(values: readonly Value[], added: number): void {
    for (const value of values) {
      if ((this.#added.get(value) ?? -1) >= added) continue;
      this.#added.set(value, added);
      this.#pending.push(value);
    }
  }

  #use(node: Node, index: number, added: number): void {
    const { op, outputs } = node;
    const size = sizes[`${op.domain}:${op.name}`]?.[index];
    const formals = schemaOf(op)?.signature;
    const isCast = op.domain === '' && op.name === 'Cast';
    this.#isNothingElse &&= isCast || passesOn(op, index) || isShapeOnly(op);
    if (size) this.#limit((size(node) ?? 0) - added, op.name !== 'OneHot');
    else if (added === 0 && isMask(node, index)) this.#limit(2);
    else if (!formals || node.subgraphs().next().value) this.#certain = false;
    else if (isShapeOnly(op) || isPosition(op) || formals.outputs.every(isBoolean)) return;
    else if (isSize(node, index, formals.inputs[index] ?? formals.inputs.at(-1))) this.#certain = false;
    else if (isCast) this.#cast(node, added);
    else if (passesOn(op, index)) this.#follow(outputs, added);
    else this.#follow(outputs, added + (op.domain === '' && op.name === 'Add' ? mostOf(node.inputs[1 - index]) : Number.POSITIVE_INFINITY));
  }

  #limit(size: number, isWrongBeyond = true): void {
    if (size > 0) this.#below = Math.min(this.#below, size);
    else if (isWrongBeyond) this.#certain = false;
  }

  #cast(node: Node, added: number): void {
    const to = dtypeOfCode(Number(attrsOf(node, 'Cast').to));
    if (to === 'bool') this.#isTruth = true;
    else this.#follow(node.outputs, whole.has(to) ? added : Number.POSITIVE_INFINITY);
  }
}

/** Types that hold every index. */
const whole: ReadonlySet<DType> = new Set(['int32', 'int64', 'uint32', 'uint64', 'float', 'double']);

/** What an operator with such an operand has as its axis; undefined where it is not known. */
type Size = (node: Node) => number | undefined;

const along =
  (table: number, axis: (node: Node) => number): Size =>
  node => {
    const size = shapeOf(node.inputs[table])?.at(axis(node));
    return typeof size === 'number' ? size : undefined;
  };
const axisNamed = (name: string) => (node: Node) => {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'int' ? Number(attribute.value) : 0;
};
const first = () => 0;

/** Operands that are indices: by operator and operand. */
const sizes: Readonly<Record<string, Readonly<Record<number, Size>>>> = {
  ':Gather': { 1: along(0, axisNamed('axis')) },
  ':GatherElements': { 1: along(0, axisNamed('axis')) },
  ':GatherND': {
    1(node) {
      const [data, indices] = [shapeOf(node.inputs[0]), shapeOf(node.inputs[1])];
      const axes = indices?.at(-1);
      const start = axisNamed('batch_dims')(node);
      // Each index is a tuple, whose elements index an axis each.
      const indexed = data?.slice(start, typeof axes === 'number' ? start + axes : undefined);
      return indexed && indexed.length > 0 && indexed.every(d => typeof d === 'number') ? Math.min(...indexed) : undefined;
    },
  },
  ':OneHot': {
    0(node) {
      const depth = constantOf(node.inputs[1]);
      return depth?.size === 1 ? Number(depth.numbers()[0]) : undefined;
    },
  },
  ':RotaryEmbedding': { 3: along(1, first) },
  'com.microsoft:EmbedLayerNormalization': { 0: along(2, first), 1: along(4, first), 8: along(3, first) },
  'com.microsoft:GatherBlockQuantized': { 1: along(0, axisNamed('gather_axis')) },
};

const isBoolean = ({ dtypes }: FormalTypes) => dtypes.size === 1 && dtypes.has('bool');

/** Whether an operand says where or how much: only integers do, but for those of two operators that take any number. */
function isSize({ op }: Node, index: number, formal: FormalTypes | undefined): boolean {
  if (op.domain === '' && (op.name === 'Range' || (op.name === 'OneHot' && index === 1))) return true;
  return !formal || [...formal.dtypes].every(dtype => dtype === 'int32' || dtype === 'int64');
}

/** Whether this is 1 − mask, to be made a large negative number: what is not 0 or 1 becomes a large positive one, which no network survives. */
function isMask({ op, inputs, outputs }: Node, index: number): boolean {
  const isOne = (x: number) => x === 1;
  return op.domain === '' && op.name === 'Sub' && index === 1 && isEvery(inputs[0], isOne) && [...outputs[0]!.uses].some(isPenalty);
}

const isPenalty = (use: Use): boolean =>
  use.kind === 'operand' && use.node.op.name === 'Mul' && isEvery(use.node.inputs[1 - use.index], x => x < -1000);

function isEvery(value: Value | undefined, test: (x: number) => boolean): boolean {
  const tensor = constantOf(value);
  return tensor?.size === 1 && (isFloat(tensor.dtype) || isInteger(tensor.dtype)) && test(tensor.numbers()[0]!);
}

/** The largest of some integers that are known and not negative; infinite otherwise. */
function mostOf(value: Value | undefined): number {
  const tensor = constantOf(value);
  if (!tensor || !isInteger(tensor.dtype) || tensor.size > 2 ** 20) return Number.POSITIVE_INFINITY;
  return Array.from(tensor.numbers()).reduce((most, x) => (x < 0 ? Number.POSITIVE_INFINITY : Math.max(most, x)), 0);
}

/** The shape of a table, also where it is stored in a narrower type. */
function shapeOf(value: Value | undefined): readonly Dim[] | undefined {
  if (!value) return undefined;
  const { producer } = value;
  const isStored = producer && (isStorage(producer.op) || passesWhole.has(`${producer.op.domain}:${producer.op.name}`));
  return fixedTensor(value)?.dims ?? value.sureShape ?? (isStored ? shapeOf(producer.inputs[0]) : producer && forwardShape(producer));
}

const passesWhole: ReadonlySet<string> = new Set([':Cast', ':Identity']);
