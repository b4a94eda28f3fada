import type { Attribute } from '../ir/attribute.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Dim, Value } from '../ir/value.ts';
import { isFusedActivation, isView } from '../ops/facts.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { byteLengthOf } from '../tensor/dtype.ts';

/**
 * What some nodes ask of a machine in one run. Kernels and bytes are those of ONNX Runtime's CPU provider at its level `all`: a Conv takes
 * in the activation after it, and the Add before that; Reshape and its like move nothing. Each kernel reads its operands once and writes
 * its results once.
 */
export interface Load {
  /** Elements of constant operands: weights, biases, statistics. Each tensor counts once. */
  readonly parameters: number;
  /** Multiply-accumulates of Conv, ConvTranspose, Gemm and MatMul. */
  readonly macs: number;
  readonly bytesMoved: number;
  readonly kernels: number;
}

/** A shape with numbers for all its dimensions. */
export type SizesOf = (shape: readonly Dim[]) => number[];

/** The sum over `nodes`; `macs` is undefined where the shapes of one that multiplies are not known. */
export function loadOf(nodes: readonly Node[], sizesOf: SizesOf): Omit<Load, 'macs'> & { readonly macs: number | undefined } {
  const constants = new Map<Value, number>();
  let macs: number | undefined = 0;
  let bytesMoved = 0;
  let kernels = 0;
  const bytesOf = (value: Value | undefined) =>
    value?.shape && value.dtype ? (byteLengthOf(value.dtype, sizeOf(sizesOf(value.shape))) ?? 0) : 0;
  for (const node of nodes) {
    for (const value of node.inputs) {
      const tensor = constantOf(value);
      if (value && tensor) constants.set(value, tensor.size);
    }
    const own = macsOf(node, sizesOf);
    macs = macs === undefined || own === undefined ? undefined : macs + own;
    if (isView(node.op) || isActivationOfConv(node)) continue;
    const summed = summedConv(node);
    // The convolution writes what the sum would have written, and reads what it would have read besides.
    if (summed) bytesMoved += bytesOf(node.inputs.find(v => v !== summed));
    else {
      kernels++;
      for (const value of [...node.inputs, ...node.outputs]) bytesMoved += bytesOf(value);
    }
  }
  return { parameters: sum(constants.values()), macs, bytesMoved, kernels };
}

/** The operand of an Add that is the result of a Conv and nothing else's operand. */
function summedConv(node: Node): Value | undefined {
  if (node.op.name !== 'Add' || node.op.domain !== '') return undefined;
  return node.inputs.find(v => v?.producer?.op.name === 'Conv' && v.producer.op.domain === '' && v.uses.size === 1);
}

function isActivationOfConv(node: Node): boolean {
  const [x] = node.inputs;
  const before = x?.producer;
  if (!isFusedActivation(node.op) || !before || x.uses.size > 1) return false;
  return before.op.name === 'Conv' || summedConv(before) !== undefined;
}

/** Multiply-accumulates of one node: every result element of a product of matrices, or of a convolution, is a sum over what it sees. */
function macsOf(node: Node, sizesOf: SizesOf): number | undefined {
  const terms = node.op.domain === '' ? formulas[node.op.name] : undefined;
  return terms ? terms(node, sizesOf) : 0;
}

const formulas: Readonly<Record<string, (node: Node, sizesOf: SizesOf) => number | undefined>> = {
  /** Each output element sees C_in/group × window inputs: what one row of the weight holds. */
  Conv: (node, sizesOf) => times(node.outputs[0], node.inputs[1], sizesOf, ([, ...row]) => sizeOf(row)),
  /** Each input element goes into C_out/group × window outputs. */
  ConvTranspose: (node, sizesOf) => times(node.inputs[0], node.inputs[1], sizesOf, ([, ...row]) => sizeOf(row)),
  Gemm: (node, sizesOf) =>
    times(node.outputs[0], node.inputs[0], sizesOf, ([m = 1, k = 1]) => (isSet(node.attributes.get('transA')) ? m : k)),
  MatMul: (node, sizesOf) => times(node.outputs[0], node.inputs[0], sizesOf, shape => shape.at(-1) ?? 1),
};

function times(each: Value | undefined, other: Value | undefined, sizesOf: SizesOf, per: (shape: number[]) => number): number | undefined {
  return each?.shape && other?.shape ? sizeOf(sizesOf(each.shape)) * per(sizesOf(other.shape)) : undefined;
}

const isSet = (attribute: Attribute | undefined) => attribute?.type === 'int' && attribute.value !== 0n;
const sum = (numbers: Iterable<number>) => [...numbers].reduce((a, b) => a + b, 0);
