import { FunnelError } from '../errors.ts';
import { inlineAll } from '../functions/inline.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Precision } from '../tensor/dtype.ts';
import { type Comparand, modelOf } from './comparand.ts';
import { type IntegerRange, integerRanges } from './integers.ts';
import { precisionsOf } from './precision.ts';

/** What a comparison has to know of A besides its edges. */
export interface ModelFacts {
  /** What inputs of integers take, where that is known. */
  readonly integers: ReadonlyMap<string, IntegerRange>;
  /** By output, the coarsest floating type that it is computed in. */
  readonly precisions: ReadonlyMap<string, Precision>;
}

export function factsIn(model: Model): ModelFacts {
  const flat = model.functions.length > 0 ? cloneModel(model) : model;
  if (flat !== model) inlineAll(flat, 'facts');
  return { integers: integerRanges(flat), precisions: precisionsOf(flat) };
}

const nothing: ModelFacts = { integers: new Map(), precisions: new Map() };

/** The facts of one of two models, read once more where nobody has done so. Of what we can't read, and the runtime can, none are known. */
export async function factsOf(source: Comparand): Promise<ModelFacts> {
  if (source.facts) return source.facts;
  try {
    return factsIn(await modelOf(source));
  } catch (error) {
    if (error instanceof FunnelError) return nothing;
    throw error;
  }
}
