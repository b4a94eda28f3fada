import { isFloat } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { epsilonOf } from '../tensor/ulp.ts';
import { Refusal } from './refusal.ts';

/** Largest relative rounding error (L2, per output channel) of a new weight, in units of the element type's last place. */
const MAX_ERROR_ULPS = 4;

/** The narrowest types have so few digits that a multiple of their last place says nothing. */
const COARSEST = 2 ** -3;

/**
 * Rounds a computed tensor to its element type, once, and refuses where the result would be worthless: a value that is not finite,
 * one that overflows, or a channel (index along axis 0) whose values sink below the type's range.
 */
export function settle(computed: Tensor): Tensor | Refusal {
  if (computed.storage || !isFloat(computed.dtype)) return computed.settle();
  const channels = computed.rank > 1 ? computed.dims[0]! : 1;
  const perChannel = computed.size / channels;
  const errors = new Float64Array(channels);
  const norms = new Float64Array(channels);
  const settled = computed.settle((exact, rounded, start) => {
    for (let i = 0; i < exact.length; ) {
      const c = Math.floor((start + i) / perChannel);
      let error = 0;
      let norm = 0;
      for (const end = Math.min(exact.length, (c + 1) * perChannel - start); i < end; i++) {
        const x = exact[i]!;
        const lost = x - rounded[i]!;
        error += lost * lost;
        norm += x * x;
      }
      errors[c]! += error;
      norms[c]! += norm;
    }
  });
  const bound = (MAX_ERROR_ULPS * Math.min(epsilonOf(computed.dtype), COARSEST)) ** 2;
  for (let c = 0; c < channels; c++) {
    if (!Number.isFinite(norms[c]!)) return new Refusal('E_NONFINITE', `channel ${c} would not be finite`);
    if (!Number.isFinite(errors[c]!)) return new Refusal('E_OVERFLOW', `channel ${c} would hold values beyond ${computed.dtype}'s range`);
    if (computed.rank > 1 && errors[c]! > bound * norms[c]!)
      return new Refusal('E_UNDERFLOW', `channel ${c} would lose its precision below ${computed.dtype}'s range`);
  }
  return settled;
}
