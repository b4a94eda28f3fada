import { type Affine, after, followedBy } from '../src/functions/absorb.ts';
import { type FoldOptions, type Layer, type Layout, layer, layerOps, layoutOf, perChannel, viewOps } from '../src/functions/layers.ts';
import { intakeOf, layersOf } from '../src/functions/next-layers.ts';
import { inferTypesWhere } from '../src/infer/types.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Node } from '../src/ir/node.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { any, known, type Pattern, p, type RootPattern } from '../src/rewrite/pattern.ts';
import { Refusal } from '../src/rewrite/refusal.ts';
import { rule } from '../src/rewrite/rule.ts';
import { isFloat } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';

/**
 * Folds multiplication, division, addition and subtraction of constants into the layer before them, or into the one after: Conv,
 * ConvTranspose, Gemm, MatMul, BatchNormalization.
 *
 * The constant must be one number, or one for each channel, as broadcasting from the right lays it along the layer's result. Then
 * c·(W x + B) = (c·W) x + c·B over the output channels, and (W x + B) + c = W x + (B + c). Before a layer, W (c·x) = (W·c) x over the input
 * channels; W (x + c) = W x + W c where no padding lets zeros in. Arithmetic in float64, rounded once to the weight's element type;
 * division by zero is refused.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,2,2,2] y)
 * <float[2,1,1,1] w = {3, 4}, float[2,1,1] c = {2, 0.5}, float one = {1}>
 * {
 *   t = Conv (x, w)
 *   u = Mul (c, t)
 *   y = Sub (one, u)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,2,2,2] y)
 * <float[2,1,1,1] y_W = {-6, -2}, float[2] y_B = {1, 1}>
 * {
 *   y = Conv (x, y_W, y_B)
 * }
 * ```
 */
export const foldArithmetic = ({ duplicateConv = false, maxFoldError }: FoldOptions = {}): Pass =>
  pass(
    'fold-arithmetic',
    'exact',
    [
      ...operations(layer(duplicateConv)).map(({ match, map }) =>
        rule({
          match,
          rewrite(c, op) {
            const layout = layoutOf(c);
            const vector = layout && perChannel(c.c, layout);
            if (!vector || !isFloat(c.w.dtype)) return undefined;
            const change = map(vector);
            // A MatMul with an Add is a layer as it is.
            const grows = c.layer.node.op.name === 'MatMul' && !c.b && !change.k && !change.divisor;
            return grows ? undefined : followedBy(c, layout, change, op);
          },
        }),
      ),
      ...operations(any('x')).flatMap(({ match, map }) =>
        layersOf(match).map(match =>
          rule({
            match,
            rewrite(c, op) {
              const layout = inputLayout(c);
              const vector = layout && perChannel(c.c, layout);
              if (!vector || !isFloat(c.w.dtype)) return undefined;
              const intake = intakeOf(c, layout.channels, map(vector), op);
              return intake instanceof Refusal ? intake : after(map(vector), c, intake, op);
            },
          }),
        ),
      ),
    ],
    { maxError: maxFoldError, prepare: inferTypesWhere(needsTypes) },
  );

interface Operation<C> {
  readonly match: RootPattern<C & { readonly c: Tensor }>;
  map(c: Tensor): Affine;
}

/** The operations on what `x` matches and a constant c, and the map y = x·k/divisor + t that each is. */
function operations<C extends {}>(x: Pattern<C>): Operation<C>[] {
  const c = known('c');
  const minusOne = (like: Tensor) => Tensor.fill(like.dtype, [], -1);
  const all: { match: unknown; map: Operation<C>['map'] }[] = [
    { match: p.Mul(x, c), map: k => ({ k }) },
    { match: p.Div(x, c), map: divisor => ({ divisor }) },
    { match: p.Add(x, c), map: t => ({ t }) },
    { match: p.Sub(x, c), map: t => ({ t: t.mul(-1) }) },
    { match: p.Sub(c, x), map: t => ({ k: minusOne(t), t }) },
  ];
  return all as Operation<C>[];
}

/** Where x has its channels, if broadcasting with c leaves its shape alone. */
function inputLayout({ x, w, view, layer: { node } }: Layer): Layout | undefined {
  const shape = x.sureShape;
  // Through a view, which channel is which is known of axis 1 alone.
  const axis = node.op.name === 'MatMul' && !view && shape ? shape.length - 1 : 1;
  const channels = shape?.[axis];
  const isImage = node.op.name.startsWith('Conv');
  if (!shape || typeof channels !== 'number' || (isImage && shape.length !== w.rank)) return undefined;
  return { rank: shape.length, axis, channels, run: 1 };
}

/** Ranks are needed of what a MatMul or a BatchNormalization takes in, and shapes of what goes through arithmetic into a layer. */
function needsTypes(node: Node): boolean {
  const isMap = ['Mul', 'Div', 'Add', 'Sub'].includes(node.op.name) && node.inputs.some(v => constantOf(v));
  const follows = () => node.inputs.some(v => v?.producer && ranked.has(v.producer.op.name));
  const precedes = () => [...node.outputs[0]!.uses].some(use => use.kind === 'operand' && layerOps.has(use.node.op.name));
  return isMap && (follows() || precedes());
}

const ranked: ReadonlySet<string> = new Set(['MatMul', 'BatchNormalization', ...viewOps]);
