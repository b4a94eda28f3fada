import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Definition } from '../ir/value.ts';
import type { Tensors } from '../runtime/session.ts';
import { isFloat } from '../tensor/dtype.ts';
import { random } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';
import { epsilonOf } from '../tensor/ulp.ts';

/** Weights of fewer elements are left alone: sizes and scales of Resize, thresholds, and what else must be what it is. */
const fewest = 8;

/** Each floating element moved by one rounding, up or down. */
export function perturbed(feeds: Tensors, seed: number): Tensors {
  return Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, isFloat(t.dtype) ? moved(t, `${seed} perturbed ${name}`) : t]));
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

function moved(t: Tensor, stream: string): Tensor {
  const next = random(stream);
  const epsilon = epsilonOf(t.dtype);
  return Tensor.of(
    t.dtype,
    t.dims,
    Float64Array.from(t.numbers(), x => x * (1 + (next() < 0.5 ? epsilon : -epsilon))),
  );
}
