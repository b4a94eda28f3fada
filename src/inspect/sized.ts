import { foldConstants, foldShape } from '../../passes/index.ts';
import { type Shapes, shapeCases } from '../infer/shapes.ts';
import { inferTypes } from '../infer/types.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Dim } from '../ir/value.ts';
import type { RuntimeFailure } from '../runtime/failure.ts';

/**
 * Makes a copy of a model ready to be counted: fixes the sizes that were given and takes the batch for 1 where none was, then finds out
 * all types. Says which symbols it took for 1, and why types are missing where the runtime can't load the model.
 * @throws FunnelError `E_USAGE` for sizes that do not fit the model
 */
export async function sizeModel(model: Model, shapes: Shapes): Promise<{ assumed: readonly Dim[]; failure: RuntimeFailure | undefined }> {
  const open = model.graph.inputs.filter(({ definition }) => definition.kind === 'input' && !definition.fallback);
  // The sizes that verify would run with are not wanted here, but its checks are.
  shapeCases(
    open.map(({ name, dtype, shape = [] }) => ({ name, dtype, shape })),
    shapes,
  );
  fixSizes(model, shapes);
  const assumed = [...new Set(open.flatMap(({ shape }) => (shape && typeof shape[0] !== 'number' ? [shape[0]] : [])))];
  const batch = Object.fromEntries(assumed.filter(d => d !== undefined).map(symbol => [symbol, 1]));
  fixSizes(model, { symbols: batch });
  for (const value of open)
    if (value.type?.kind === 'tensor' && value.type.shape?.length && value.type.shape[0] === undefined)
      value.type = { ...value.type, shape: [1, ...value.type.shape.slice(1)] };
  return { assumed, failure: await inferComputedTypes(model) };
}

/** Puts sizes in place of a model's open dimensions, at its inputs and outputs; of several for a symbol, the first. */
function fixSizes({ graph }: Model, { inputs = {}, symbols = {} }: Shapes): void {
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

/** Types of values whose sizes the graph itself computes: each size that becomes known lets the runtime know more of them. */
async function inferComputedTypes(model: Model): Promise<RuntimeFailure | undefined> {
  const failure = await inferTypes(model);
  const computes = [...model.graph.nodes()].some(node => node.op.name === 'Shape' && node.op.domain === '');
  if (failure || !computes) return failure;
  const folded = cloneModel(model);
  await foldShape.run(folded);
  await foldConstants().run(folded);
  await inferTypes(folded);
  const types = new Map([...folded.graph.nodes()].flatMap(node => node.outputs).map(v => [v.name, v.inferred]));
  for (const node of model.graph.nodes()) for (const value of node.outputs) value.inferred = types.get(value.name) ?? value.inferred;
  return undefined;
}
