import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Definition } from '../ir/value.ts';
import type { Tensors } from '../runtime/session.ts';
import { isFloat } from '../tensor/dtype.ts';
import { random } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';
import { epsilonOf } from '../tensor/ulp.ts';
import { peakOf } from './slices.ts';

/** Weights of fewer elements are left alone: sizes and scales of Resize, thresholds, and what else must be what it is. */
const fewest = 8;

/** Each floating element moved by one rounding, up or down: its own, or, of the tensors that are `sums`, one of their largest element. */
export function perturbed(feeds: Tensors, seed: number, sums: ReadonlySet<string> = new Set()): Tensors {
  const move = (name: string, t: Tensor) => moved(t, `${seed} perturbed ${name}`, sums.has(name) ? peakOf(t) : 0);
  return Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, isFloat(t.dtype) ? move(name, t) : t]));
}

/** A copy of a model whose initializers of floats are moved by one rounding. */
export function withPerturbedWeights(model: Model, seed: number): Model {
  let n = 0;
  const define = (definition: Definition): Definition => {
    if (definition.kind !== 'constant') return definition;
    const { tensor } = definition;
    return isFloat(tensor.dtype) && tensor.size >= fewest ? { ...definition, tensor: moved(tensor, `${seed} weight ${n++}`) } : definition;
  };
  return cloneModel(model, { define });
}

/** By one rounding of each element, or of what is as large as `least`. */
function moved(t: Tensor, stream: string, least = 0): Tensor {
  const next = random(stream);
  const epsilon = epsilonOf(t.dtype);
  return Tensor.of(
    t.dtype,
    t.dims,
    Float64Array.from(t.numbers(), x => {
      const step = next() < 0.5 ? epsilon : -epsilon;
      return Math.abs(x) < least ? x + step * least : x * (1 + step);
    }),
  );
}
