import { inlineFunctions } from '../../passes/inline-functions.ts';
import type { Shapes } from '../infer/shapes.ts';
import { cloneModel } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import type { Model } from '../ir/model.ts';
import { displayOp } from '../ir/op.ts';
import type { Dim } from '../ir/value.ts';
import { byteLengthOf } from '../tensor/dtype.ts';
import { type Load, loadOf, type SizesOf } from './load.ts';
import { sizeModel } from './sized.ts';

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
export async function costsOf(model: Model, shapes: Shapes): Promise<Costs> {
  const flat = cloneModel(model);
  if (flat.functions.length > 0) await inlineFunctions.run(flat);
  const { assumed, failure } = await sizeModel(flat, shapes);
  return failure ? { known: false, reason: failure.message } : count(flat, assumed);
}

function count({ graph }: Model, ones: readonly Dim[]): Costs {
  const macs = new Map<string, number>();
  const assumed = new Set<string>();
  for (const dim of ones) assume(assumed, dim);
  const uncounted = new Map<string, number>();
  let elements = 0;
  let bytes = 0;
  let largest: { name: string; bytes: number } | undefined;
  let untyped = 0;
  const sizesOf: SizesOf = shape => shape.map(d => (typeof d === 'number' ? d : assume(assumed, d)));
  const nodes = [...graph.allNodes()];
  for (const node of nodes) {
    const n = loadOf([node], sizesOf).macs;
    const op = displayOp(node.op);
    if (n === undefined) uncounted.set(op, (uncounted.get(op) ?? 0) + 1);
    else if (n > 0) macs.set(op, (macs.get(op) ?? 0) + n);
    for (const value of node.outputs) {
      const { shape, dtype } = value;
      if (value.name === '' || constantOf(value)) continue;
      if (shape === undefined || dtype === undefined) {
        untyped++;
        continue;
      }
      const size = sizesOf(shape).reduce((a, b) => a * b, 1);
      const length = byteLengthOf(dtype, size) ?? 0;
      elements += size;
      bytes += length;
      if (length > (largest?.bytes ?? 0)) largest = { name: value.name, bytes: length };
    }
  }
  const notes = [...assumed].map(d => `${d} counts as 1`);
  if (untyped > 0) notes.push(`${untyped} × a result without a known shape not counted`);
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
