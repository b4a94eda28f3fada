import { known, type Pattern, p, type RootPattern } from '../rewrite/pattern.ts';
import { Tensor } from '../tensor/tensor.ts';

/** 1, of another tensor's type. */
export const one = (like: Tensor): Tensor => Tensor.fill(like.dtype, [], 1);

/** x times, or divided by, a constant; `of` does the same to a tensor. */
export function scales(x: Pattern, name: string): { match: RootPattern<{}>; of: (v: Tensor, c: Tensor) => Tensor }[] {
  return [
    { match: p.Mul(x, known(name)), of: (v, c) => v.mul(c) },
    { match: p.Div(x, known(name)), of: (v, c) => v.div(c) },
  ];
}

/** x or −x, plus a constant. */
export function shifts(x: Pattern, name: string): { match: RootPattern<{}>; sign: 1 | -1; shift: (c: Tensor) => Tensor }[] {
  return [
    { match: p.Add(x, known(name)), sign: 1, shift: c => c },
    { match: p.Sub(x, known(name)), sign: 1, shift: c => c.mul(-1) },
    { match: p.Sub(known(name), x), sign: -1, shift: c => c },
  ];
}
