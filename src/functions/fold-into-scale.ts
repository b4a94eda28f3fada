import { any, constant, optional, p } from '../rewrite/pattern.ts';
import { Refusal } from '../rewrite/refusal.ts';
import { type Rule, rule } from '../rewrite/rule.ts';
import { Tensor } from '../tensor/tensor.ts';
import { affine, normalization } from './batch-norm.ts';

/**
 * Folds BatchNormalization into a convolution whose weights are quantised: (q − z)·s·k is (q − z)·(s·k), so the factor goes into the
 * scale of each output channel, and the stored integers stay. The bias becomes a float: B·k + t would not be on the grid of its integers.
 */
export const foldIntoScale: Rule = rule({
  match: normalization(
    p
      .Conv(any('x'), p.DequantizeLinear(constant('q'), constant('s'), optional(constant('z'))).as('dequantize'), optional(constant('b')))
      .as('conv'),
  ),
  rewrite(c, op) {
    const { x, q, s, z, b, conv, dequantize } = c;
    const channels = q.dims[0] ?? 0;
    const { axis = 1, block_size = 0 } = dequantize.attrs;
    const perChannel = s.rank === 1 && s.size === channels && (axis === 0 || axis === -q.rank);
    if (op.opset < 13) return op.refuse('E_FORM', `before operator set 13 DequantizeLinear has one scale for all channels`);
    if (block_size !== 0 || !(s.size === 1 || perChannel)) return op.refuse('E_SHAPE', 'the scales are not one for each output channel');
    const bn = affine(c, channels, op);
    if (bn instanceof Refusal) return bn;
    if (Array.from(bn.k.numbers()).some(k => !(k > 0))) return op.refuse('E_FORM', 'a scale would not be positive');
    const scale = bn.k.mul(s.size === 1 ? s.reshape([]) : s).as(s.dtype);
    const zero = z && (z.size === channels ? z.reshape([channels]) : Tensor.fill(z.dtype, [channels], z.numbers()[0]!));
    return op.Conv(
      x,
      op.DequantizeLinear(q, scale, zero, { ...dequantize.attrs, axis: 0 }),
      (b ? b.mul(bn.k).add(bn.t) : bn.t).as(s.dtype),
      conv.attrs,
    );
  },
});
