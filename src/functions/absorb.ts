import type { Value } from '../ir/value.ts';
import type { Builder } from '../rewrite/builder.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import type { DType } from '../tensor/dtype.ts';
import { Tensor } from '../tensor/tensor.ts';
import { foldBound, type Magnitudes, mayOverflow } from './fold-bound.ts';
import { LayerMatrix } from './layer-matrix.ts';
import type { Layer, LayerOp, Layout } from './layers.ts';

/** y = x·k/divisor + t for each channel: vectors over the channels, or one number for all. What is left out does nothing. */
export interface Affine {
  readonly k?: Tensor;
  readonly divisor?: Tensor;
  readonly t?: Tensor;
  /** How large the terms are that t was made of, where they may have cancelled. */
  readonly magnitude?: Tensor;
}

/**
 * The layer followed by an affine map of its result, as one layer: W′ = W·k over the output channels, B′ = B·k + t. The map is over the
 * channels of the layer's view, where it has one, which is applied to the new layer.
 */
export function followedBy(c: Layer, layout: Layout, map: Affine, op: Builder): Value | Refusal {
  const change = spread(map, layout);
  const { t, magnitude } = change;
  const matrix = new LayerMatrix(c);
  const w = scales(change) ? scaled(matrix.of(c.w), change, v => matrix.alongOutputs(v)).reshape(c.w.dims) : c.w;
  const before = biasOf(c);
  const bias = before && scaled(before, change);
  const shifted = bias && t ? bias.add(t) : (bias ?? (t && allChannels(t, matrix.outputs)));
  const weights = scaled(matrix.sums(matrix.of(slopes(c)), Math.abs), change);
  const refusal = bounded(c.w.dtype, { fanIn: matrix.fanIn, weights, shifts: [bias, magnitude ?? t, shifted] }, op);
  return refusal ?? seen(c, rebuilt(c, w, shifted?.as(c.w.dtype), op), op);
}

/**
 * The layer over an affine map of its input, as one layer: W′ = W·k over the input channels, B′ = B + Σ W·t. Right where each output
 * takes in all taps, or t is 0. Where a view stands between, it is applied to x.
 */
export function after(map: Affine, c: Layer, layout: Pick<Layout, 'channels' | 'run'>, op: Builder): Value | Refusal {
  const change = spread(map, layout);
  const { t, magnitude } = change;
  const { alpha = 1 } = c.layer.attrs as { alpha?: number };
  const matrix = new LayerMatrix(c);
  const w = matrix.of(c.w);
  const changed = scaled(w, change, v => matrix.alongInputs(v));
  const weight = scales(change) ? changed.reshape(c.w.dims).as(c.w.dtype) : c.w;
  const before = biasOf(c);
  const shift = t && matrix.sums(w.mul(matrix.alongInputs(t))).mul(alpha);
  const bias = before && shift ? before.add(shift) : (before ?? shift);
  const terms = magnitude ?? t;
  const weights = matrix.sums(changed, Math.abs).mul(alpha);
  const shifts = [terms && matrix.sums(w.mul(matrix.alongInputs(terms)), Math.abs).mul(alpha), before, bias];
  const refusal = bounded(c.w.dtype, { fanIn: matrix.fanIn, weights, shifts }, op);
  return refusal ?? rebuilt({ ...c, x: seen(c, c.x, op) }, weight, bias?.as(c.w.dtype), op);
}

/** Whether a map multiplies at all: weights that it does not touch stay what they are. */
const scales = ({ k, divisor }: Affine) => k !== undefined || divisor !== undefined;

/** v·k/divisor, k and divisor laid along v. */
function scaled(v: Tensor, { k, divisor }: Affine, along: (v: Tensor) => Tensor = v => v): Tensor {
  const times = k ? v.mul(along(k)) : v;
  return divisor ? times.div(along(divisor)) : times;
}

/** Tells the bound of a fold, or refuses one whose sums may overflow. */
function bounded(dtype: DType, magnitudes: Magnitudes, op: Builder): Refusal | undefined {
  if (mayOverflow(dtype, magnitudes.weights))
    return op.refuse('E_OVERFLOW', 'sums of the new weights may overflow where the layer before did not');
  op.bound(foldBound(dtype, magnitudes));
  return undefined;
}

/** A map over the channels of a view, each of which is a run of the layer's, over those. */
function spread(map: Affine, { channels, run }: Pick<Layout, 'channels' | 'run'>): Affine {
  if (run === 1) return map;
  const repeat = (v: Tensor) =>
    v.rank === 0
      ? v
      : v
          .reshape([channels, 1])
          .add(Tensor.fill(v.dtype, [1, run], 0))
          .reshape([channels * run]);
  return Object.fromEntries(Object.entries(map).map(([name, v]) => [name, repeat(v as Tensor)]));
}

/** A vector of one number for each channel. */
const allChannels = (t: Tensor, channels: number) => (t.rank === 0 ? t.add(Tensor.fill(t.dtype, [channels], 0)) : t);

/** What multiplies x. */
function slopes({ w, layerVariance: variance, layer: { attrs } }: Layer): Tensor {
  const { alpha = 1, epsilon = 0 } = attrs as { alpha?: number; epsilon?: number };
  if (variance) return w.div(variance.add(epsilon).sqrt());
  return alpha === 1 ? w : w.mul(alpha);
}

/** A layer's bias; of a Gemm β·C. */
function biasOf({ b, layer: { attrs } }: Layer): Tensor | undefined {
  const { beta = 1 } = attrs as { beta?: number };
  return beta === 0 ? undefined : beta === 1 ? b : b?.mul(beta);
}

/** The layer with other parameters. */
function rebuilt({ x, layerMean, layerVariance, layer: { node, attrs } }: Layer, w: Tensor, b: Tensor | undefined, op: Builder): Value {
  switch (node.op.name as LayerOp) {
    case 'Conv':
      return op.Conv(x, w, b, attrs as never);
    case 'ConvTranspose':
      return op.ConvTranspose(x, w, b, attrs as never);
    case 'Gemm': {
      // Before operator set 11 a Gemm has a C, and before 7 it is broadcast only where that is asked for.
      const c = b ?? (op.opset < 11 ? Tensor.fill(w.dtype, [1], 0) : undefined);
      return op.Gemm(x, w, c, { ...attrs, beta: 1, ...(op.opset < 7 && { broadcast: 1 }) });
    }
    case 'MatMul':
      return b ? op.Add(op.MatMul(x, w), b) : op.MatMul(x, w);
    case 'BatchNormalization':
      return op.BatchNormalization(x, w, b!, layerMean!, layerVariance!, attrs as never);
  }
}

/** The view of a captured layer, of another one. */
function seen({ view, sizes }: Layer, y: Value, op: Builder): Value {
  if (!view) return y;
  const build = op[view.node.op.name as 'Reshape'] as (...args: readonly unknown[]) => Value;
  return sizes ? build(y, sizes, view.attrs) : build(y, view.attrs);
}
