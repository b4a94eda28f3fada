import type { Value } from '../ir/value.ts';
import { any, constant, either, known, type Matched, optional, type Pattern, p } from '../rewrite/pattern.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { inference } from './batch-norm.ts';
import { LayerMatrix } from './layer-matrix.ts';

/** The operators that a layer is made of. */
export type LayerOp = 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul' | 'BatchNormalization';
export const layerOps: ReadonlySet<string> = new Set<LayerOp>(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'BatchNormalization']);

/**
 * What the pattern `layer` captures: a computation that is linear in x, with constant parameters, and perhaps a view of its result.
 * For BatchNormalization w is the scale. A MatMul whose b is given is followed by an Add of it.
 */
export type Layer = {
  readonly x: Value;
  readonly w: Tensor;
  readonly b: Tensor | undefined;
  readonly layer: Matched<LayerOp>;
  readonly view: Matched<'Transpose' | 'Reshape' | 'Flatten' | 'Squeeze' | 'Unsqueeze'> | undefined;
  /** The shape of a Reshape, or the axes of Squeeze and Unsqueeze. */
  readonly sizes: Tensor | undefined;
  /** Of a BatchNormalization. */
  readonly layerMean: Tensor | undefined;
  readonly layerVariance: Tensor | undefined;
};

/** What folds into layers may be told. */
export interface FoldOptions {
  /** Computes a layer whose result has other uses once for these and once folded, rather than leaving it alone. */
  readonly duplicateConv?: boolean;
  /** Folds BatchNormalization after a convolution of quantised weights into their scales. */
  readonly foldIntoScale?: boolean;
  /** Refuses a fold that may move an output y further than |y − y′| ≤ maxFoldError·(max |x| + 1). */
  readonly maxFoldError?: number;
}

/** Layers under the names of `Layer`. With `shared`, the layer's result may have other uses. */
function layers(shared: boolean) {
  const matMul = p.MatMul(any('x'), known('w')).as('layer');
  const all = [
    p.Conv(any('x'), constant('w'), optional(constant('b'))).as('layer'),
    p.ConvTranspose(any('x'), constant('w'), optional(constant('b'))).as('layer'),
    p.Gemm(any('x'), constant('w'), optional(constant('b'))).as('layer'),
    matMul,
    p.Add(matMul, known('b')),
    p
      .BatchNormalization(any('x'), constant('w'), constant('b'), constant('layerMean'), constant('layerVariance'))
      .with(inference, 'E_TRAINING')
      .with({ spatial: 1 })
      .as('layer'),
  ];
  return shared ? all.map(pattern => pattern.shared()) : all;
}

/** Matches a layer, or a view of one. With `shared`, its result may have other uses too: then it goes on being computed for these. */
export function layer(shared = false): Pattern<Layer> {
  const bare = layers(shared);
  const inner = either(...(bare as never[]));
  const views = [
    p.Transpose(inner).as('view'),
    p.Reshape(inner, known('sizes')).as('view'),
    p.Flatten(inner).as('view'),
    p.Squeeze(inner, optional(known('sizes'))).as('view'),
    p.Unsqueeze(inner, optional(known('sizes'))).as('view'),
  ];
  return either(...(bare as never[]), ...(views.map(view => (shared ? view.shared() : view)) as never[])) as never;
}

/** Where a value has its channels. */
export interface Layout {
  /** Undefined where nothing is known of it. */
  readonly rank: number | undefined;
  /** Of the channels; −1 is the last axis of a value of unknown rank. */
  readonly axis: number;
  readonly channels: number;
  /** How many channels of the layer each of these is made of, one after the other. */
  readonly run: number;
}

/** Where a captured layer's result, seen through its view, has its channels; undefined where the view mixes them. */
export function layoutOf(c: Layer): Layout | undefined {
  const layout = bareLayout(c);
  return c.view && layout ? viewRules[c.view.node.op.name]?.(layout, c) : layout;
}

function bareLayout(c: Layer): Layout | undefined {
  const { x, w, b, layer } = c;
  const rank = x.sureShape?.length;
  const channels = { channels: new LayerMatrix(c).outputs, run: 1 };
  switch (layer.node.op.name as LayerOp) {
    case 'Conv':
    case 'ConvTranspose':
      return { rank: w.rank, axis: 1, ...channels };
    case 'Gemm':
      return w.rank === 2 ? { rank: 2, axis: 1, ...channels } : undefined;
    case 'MatMul':
      return w.rank === 2 ? besides(b, { rank, axis: rank === undefined ? -1 : rank - 1, ...channels }) : undefined;
    case 'BatchNormalization':
      return { rank, axis: 1, ...channels };
  }
}

/** A layout, if what is added to the product lies along its channels and does not make it larger. */
const besides = (b: Tensor | undefined, layout: Layout) => (!b || perChannel(b, layout) ? layout : undefined);

const viewRules: Readonly<Record<string, (layout: Layout, c: Layer) => Layout | undefined>> = {
  Transpose(layout, { view }) {
    const { perm } = view!.attrs as { perm?: readonly number[] };
    const rank = layout.rank ?? perm?.length;
    if (rank === undefined || (perm && perm.length !== rank)) return undefined;
    const from = (layout.axis + rank) % rank;
    return { ...layout, rank, axis: perm ? perm.indexOf(from) : rank - 1 - from };
  },
  // The channels stay what they are where nothing else is flattened with them: then a parameter for each fits.
  Flatten: (layout, { view }) => ((view!.attrs as { axis: number }).axis === 1 && layout.axis === 1 ? { ...layout, rank: 2 } : undefined),
  Reshape(layout, { view, sizes }) {
    const { allowzero } = view!.attrs as { allowzero?: number };
    const dims = Array.from(sizes!.numbers());
    if (dims.length < 2 || (allowzero && dims.includes(0))) return undefined;
    // The last axis stays what it is where its size does.
    const isLast = layout.axis === -1 || layout.axis + 1 === layout.rank;
    if (isLast && dims.at(-1) === layout.channels) return { ...layout, rank: dims.length, axis: dims.length - 1 };
    if (layout.axis !== 1) return undefined;
    const [batch, second, ...rest] = dims as [number, number, ...number[]];
    const inner = rest.reduce((a, b) => a * b, 1);
    // [M, N] with N taken apart: the first dimension is the same where the others make up N.
    const channels = second === -1 && batch === 0 ? layout.channels / inner : second;
    if (layout.rank === 2 && rest.every(d => d > 0) && channels > 0 && channels * inner === layout.channels)
      return { rank: dims.length, axis: 1, channels, run: inner };
    const kept = batch === 0 && (second === 0 || second === layout.channels || (second === -1 && dims.length === 2));
    return kept ? { ...layout, rank: dims.length } : undefined;
  },
  Squeeze: (layout, c) => moved(layout, c, -1),
  Unsqueeze: (layout, c) => moved(layout, c, 1),
};

/** Operators that give a layer's result another shape. */
export const viewOps: readonly string[] = Object.keys(viewRules);

/** Axes of size 1 that go (−1) or come (1). */
function moved(layout: Layout, { view, sizes }: Layer, step: 1 | -1): Layout | undefined {
  const given = (view!.attrs as { axes?: readonly number[] }).axes ?? (sizes && Array.from(sizes.numbers()));
  if (!given || layout.rank === undefined) return undefined;
  const rank = layout.rank + step * given.length;
  const axes = new Set(given.map(a => (a < 0 ? a + Math.max(rank, layout.rank!) : a)));
  if (step < 0) return axes.has(layout.axis) ? undefined : { ...layout, rank, axis: layout.axis - count(axes, a => a < layout.axis) };
  let axis = 0;
  for (let left = layout.axis; axes.has(axis) || left > 0; axis++) if (!axes.has(axis)) left--;
  return { ...layout, rank, axis };
}

const count = (axes: ReadonlySet<number>, fits: (axis: number) => boolean) => [...axes].filter(fits).length;

/**
 * A constant operand as one number for all channels, or a vector of one for each; undefined where broadcasting (from the right) lays
 * it along another axis, or would make the result larger.
 */
export function perChannel(c: Tensor, { rank, axis, channels }: Layout): Tensor | undefined {
  // Any result has an axis at least: that of the channels.
  if (c.rank > (rank ?? 1)) return undefined;
  if (c.size === 1) return c.reshape([]);
  // Without a rank, only the last axis is where it is.
  if (rank === undefined && axis !== -1) return undefined;
  const at = rank === undefined ? c.rank - 1 : axis - (rank - c.rank);
  return c.size === channels && c.dims[at] === channels ? c.reshape([channels]) : undefined;
}
