import { inlineFunctions } from '../../passes/inline-functions.ts';
import { inferTypes } from '../infer/types.ts';
import { cloneModel } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import type { Model } from '../ir/model.ts';
import { displayOp } from '../ir/op.ts';
import type { Dim } from '../ir/value.ts';
import { byteLengthOf } from '../tensor/dtype.ts';
import { type Load, loadOf, type SizesOf } from './load.ts';

/** Sizes in place of dimensions without one: for an input's shape, or for a symbol (its first size counts). */
export interface Sizes {
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  readonly symbols?: Readonly<Record<string, number | readonly number[]>>;
}

/** What one run of the main graph costs. Function calls count as their bodies, nested graphs as run once where types are known. */
export type Costs =
  | ({
      readonly known: true;
      readonly macsByOperator: Readonly<Record<string, number>>;
      /** All results together: what training must remember. */
      readonly activations: {
        readonly elements: number;
        readonly bytes: number;
        readonly largest: { readonly name: string; readonly bytes: number } | undefined;
      };
      /** What was assumed, and what could not be counted. */
      readonly notes: readonly string[];
    } & Load)
  | { readonly known: false; readonly reason: string };

/** Asks ONNX Runtime for all types and counts. */
export async function costsOf(model: Model, sizes: Sizes): Promise<Costs> {
  const flat = cloneModel(model);
  if (flat.functions.length > 0) await inlineFunctions.run(flat);
  fixSizes(flat, sizes);
  const failure = await inferTypes(flat);
  return failure ? { known: false, reason: failure.message } : count(flat);
}

/** Puts sizes in place of a model's open dimensions, at its inputs and outputs. */
export function fixSizes({ graph }: Model, { inputs = {}, symbols = {} }: Sizes): void {
  const given = new Map(Object.entries(inputs));
  const bound = new Map(Object.entries(symbols).map(([name, size]) => [name, typeof size === 'number' ? size : size[0]!]));
  for (const { name, shape } of graph.inputs) {
    for (const [i, dim] of (shape ?? []).entries())
      if (typeof dim === 'string' && given.get(name)?.[i] !== undefined) bound.set(dim, given.get(name)![i]!);
  }
  const fixed = (dim: Dim) => (typeof dim === 'string' ? (bound.get(dim) ?? dim) : dim);
  for (const value of [...graph.inputs, ...graph.outputs]) {
    if (value.type?.kind !== 'tensor') continue;
    const shape = (value.definition.kind === 'input' ? given.get(value.name) : undefined) ?? value.type.shape?.map(fixed);
    value.type = { ...value.type, shape };
  }
}

function count({ graph }: Model): Costs {
  const macs = new Map<string, number>();
  const assumed = new Set<string>();
  const uncounted = new Map<string, number>();
  let elements = 0;
  let bytes = 0;
  let largest: { name: string; bytes: number } | undefined;
  const sizesOf: SizesOf = shape => shape.map(d => (typeof d === 'number' ? d : assume(assumed, d)));
  const nodes = [...graph.allNodes()];
  for (const node of nodes) {
    const n = loadOf([node], sizesOf).macs;
    const op = displayOp(node.op);
    if (n === undefined) uncounted.set(op, (uncounted.get(op) ?? 0) + 1);
    else if (n > 0) macs.set(op, (macs.get(op) ?? 0) + n);
    for (const value of node.outputs) {
      const { shape, dtype } = value;
      if (shape === undefined || dtype === undefined || constantOf(value)) continue;
      const size = sizesOf(shape).reduce((a, b) => a * b, 1);
      const length = byteLengthOf(dtype, size) ?? 0;
      elements += size;
      bytes += length;
      if (length > (largest?.bytes ?? 0)) largest = { name: value.name, bytes: length };
    }
  }
  const notes = [...assumed].map(d => `${d} counts as 1`);
  for (const [op, times] of uncounted) notes.push(`${times} × ${op} without known shapes not counted`);
  const macsByOperator = Object.fromEntries([...macs].sort(([, a], [, b]) => b - a));
  const known = [...macs.values()].reduce((a, b) => a + b, 0);
  return { known: true, ...loadOf(nodes, sizesOf), macs: known, macsByOperator, activations: { elements, bytes, largest }, notes };
}

function assume(assumed: Set<string>, dim: Dim): 1 {
  // The runtime names sizes that it can't tell apart by numbers of its own.
  assumed.add(dim === undefined || /^unk__\d+$/.test(String(dim)) ? 'an unknown size' : `'${dim}'`);
  return 1;
}
