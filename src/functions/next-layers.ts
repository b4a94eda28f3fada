import type { Builder } from '../rewrite/builder.ts';
import { constant, either, known, optional, type Pattern, p, type RootPattern } from '../rewrite/pattern.ts';
import type { Refusal } from '../rewrite/refusal.ts';
import type { Affine } from './absorb.ts';
import { LayerMatrix } from './layer-matrix.ts';
import type { Layer, LayerOp, Layout } from './layers.ts';

/** Layers that take in what `source` matches (which captures x), by themselves or through a view of it, under the names of `Layer`. */
export function layersOf<C extends { x: unknown }>(source: Pattern<C>): RootPattern<C & Layer>[] {
  const seen = either<C>(source as never, p.Flatten(source).as('view') as never, p.Reshape(source, known('sizes')).as('view') as never);
  return [
    p.Conv(source, constant('w'), optional(constant('b'))).as('layer'),
    p.ConvTranspose(source, constant('w'), optional(constant('b'))).as('layer'),
    p.Gemm(seen, constant('w'), optional(constant('b'))).as('layer'),
    p.MatMul(seen, known('w')).as('layer'),
  ] as unknown as RootPattern<C & Layer>[];
}

/**
 * How a map over the channels (axis 1) of the captured x reaches the captured layer: `channels` of it, a run of the layer's inputs each;
 * or why it does not.
 */
export function intakeOf(
  c: Layer,
  channels: number,
  { t }: Affine,
  op: Pick<Builder, 'refuse'>,
): Pick<Layout, 'channels' | 'run'> | Refusal {
  const { w, view, x } = c;
  const attrs = c.layer.attrs as Attrs;
  const { inputs } = new LayerMatrix(c);
  const name = c.layer.node.op.name as LayerOp;
  const shifts = t !== undefined && Array.from(t.numbers()).some(v => v !== 0);
  const misfit = op.refuse('E_SHAPE', `its ${channels} channels are not those that ${name} takes in`);
  if (name === 'Conv' || name === 'ConvTranspose') {
    if (inputs !== channels) return misfit;
    if (shifts && !(name === 'Conv' ? isUnpadded(attrs, w.dims.slice(2)) : isPointwise(attrs, w.dims.slice(2))))
      return op.refuse('E_FORM', 'the convolution after it pads with zeros, which the normalization would have shifted');
    return { channels, run: 1 };
  }
  if (w.rank !== 2) return misfit;
  if (attrs.transA) return op.refuse('E_FORM', 'its rows are the channels');
  const rank = x.sureShape?.length;
  // A Gemm takes matrices only, and so does what Flatten gives.
  if (!view && name === 'MatMul' && rank !== 2)
    return rank === undefined ? op.refuse('E_RANK', 'nothing is known of the rank of what it takes in') : misfit;
  if (view && !flattens(c, inputs)) return op.refuse('E_FORM', `${view.node.op.name} may mix its channels`);
  const run = inputs / channels;
  return (view || run === 1) && Number.isInteger(run) ? { channels, run } : misfit;
}

type Attrs = Readonly<{
  transA?: number;
  auto_pad?: string;
  pads?: readonly number[];
  strides?: readonly number[];
  output_padding?: readonly number[];
  output_shape?: readonly number[];
}>;

const isZero = (ns: readonly number[] = []) => ns.every(n => n === 0);

/** Whether every output of a convolution sees input alone. SAME pads for windows of more than one tap. */
function isUnpadded({ auto_pad = 'NOTSET', pads }: Attrs, kernel: readonly number[]): boolean {
  if (auto_pad === 'NOTSET') return isZero(pads);
  return auto_pad === 'VALID' || kernel.every(k => k === 1);
}

/** Whether every output of a transposed convolution is one tap of one pixel. */
function isPointwise({ auto_pad = 'NOTSET', pads, strides = [], output_padding, output_shape }: Attrs, kernel: readonly number[]): boolean {
  const one = (n: number) => n === 1;
  return auto_pad === 'NOTSET' && isZero(pads) && isZero(output_padding) && !output_shape && kernel.every(one) && strides.every(one);
}

/** Whether the view makes each image one row of `inputs` numbers, channel by channel. */
function flattens({ view, sizes, x }: Layer, inputs: number): boolean {
  if (view!.node.op.name === 'Flatten') return (view!.attrs as { axis: number }).axis === 1;
  const dims = Array.from(sizes!.numbers());
  if (dims.length !== 2 || (view!.attrs as { allowzero?: number }).allowzero) return false;
  const row = x.sureShape?.slice(1).reduce<number | undefined>((a, d) => (typeof d === 'number' && a !== undefined ? a * d : undefined), 1);
  return (dims[1] === inputs && row === inputs) || (dims[0] === 0 && (dims[1] === -1 || dims[1] === inputs));
}
