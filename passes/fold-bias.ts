import { after } from '../src/functions/absorb.ts';
import type { FoldOptions } from '../src/functions/layers.ts';
import { intakeOf, layersOf } from '../src/functions/next-layers.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { any, constant, p } from '../src/rewrite/pattern.ts';
import { Refusal } from '../src/rewrite/refusal.ts';
import { rule } from '../src/rewrite/rule.ts';
import { isFloat } from '../src/tensor/dtype.ts';

/**
 * Moves the bias of a Conv into the layer that alone takes its result, where that does not pad.
 *
 * W (V x + c) + b = W (V x) + (b + W c), W summed over inputs and taps.
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,1,1] y)
 * <float[1,1,1,1] v = {3}, float[1] c = {5}, float[1,1,2,2] w = {1, 2, 3, 4}>
 * {
 *   t = Conv (x, v, c)
 *   y = Conv (t, w)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,1,1] y)
 * <float[1,1,1,1] v = {3}, float[1,1,2,2] w = {1, 2, 3, 4}, float[1] y_B = {50}>
 * {
 *   y_Conv = Conv (x, v)
 *   y = Conv (y_Conv, w, y_B)
 * }
 * ```
 */
export const foldBias = ({ maxFoldError }: FoldOptions = {}): Pass =>
  pass(
    'fold-bias',
    'exact',
    layersOf(p.Conv(any('x'), constant('v'), constant('c')).as('conv').shared()).map(match =>
      rule({
        match,
        rewrite(c, op) {
          const alone = c.conv.node.outputs[0]!.uses.size === 1;
          const intake = intakeOf(c, c.c.size, { t: c.c }, op);
          if (!alone || intake instanceof Refusal || !isFloat(c.w.dtype)) return undefined;
          return after({ t: c.c }, { ...c, x: op.Conv(c.x, c.v, undefined, c.conv.attrs) }, intake, op);
        },
      }),
    ),
    { maxError: maxFoldError },
  );
