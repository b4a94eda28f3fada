import { isFloat } from '../tensor/dtype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Refusal } from './refusal.ts';

/** Largest relative rounding error (L2, per output channel) of a new weight, in units of the element type's last place. */
const MAX_ERROR_ULPS = 4;

const ulps: Readonly<Record<string, number>> = { double: 2 ** -52, float: 2 ** -23, float16: 2 ** -10, bfloat16: 2 ** -7 };

/**
 * Rounds a computed tensor to its element type, once, and refuses where the result would be worthless: a value that is not finite,
 * one that overflows, or a channel (index along axis 0) whose values sink below the type's range.
 */
export function settle(computed: Tensor): Tensor | Refusal {
  if (computed.storage || !isFloat(computed.dtype)) return computed.settle();
  const exact = computed.numbers();
  const settled = computed.settle();
  const rounded = settled.numbers();
  const channels = computed.rank > 1 ? computed.dims[0]! : 1;
  const perChannel = exact.length / Math.max(channels, 1);
  const bound = MAX_ERROR_ULPS * (ulps[computed.dtype] ?? 2 ** -3);
  for (let c = 0, i = 0; c < channels; c++) {
    let error = 0;
    let norm = 0;
    for (const end = i + perChannel; i < end; i++) {
      const x = exact[i]!;
      if (!Number.isFinite(x)) return new Refusal('E_NONFINITE', `channel ${c} would hold ${x}`);
      if (!Number.isFinite(rounded[i]!))
        return new Refusal('E_OVERFLOW', `channel ${c} would hold ${x.toPrecision(3)}, beyond ${computed.dtype}`);
      error += (x - rounded[i]!) ** 2;
      norm += x * x;
    }
    if (computed.rank > 1 && error > bound * bound * norm)
      return new Refusal('E_UNDERFLOW', `channel ${c} would lose its precision below ${computed.dtype}'s range`);
  }
  return settled;
}
