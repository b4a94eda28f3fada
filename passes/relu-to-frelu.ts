import { checkOptions, type FunnelOptions, makeFunnel } from '../src/functions/funnel.ts';
import type { Start } from '../src/functions/start.ts';
import { funnelFinder } from '../src/infer/funnels.ts';
import { imageFacts, isConvolved, notAnImage } from '../src/infer/image.ts';
import { inferMissingTypes } from '../src/infer/types.ts';
import { constantOf } from '../src/ir/constant.ts';
import type { Node } from '../src/ir/node.ts';
import type { Value } from '../src/ir/value.ts';
import type { Builder } from '../src/rewrite/builder.ts';
import { type Pass, pass } from '../src/rewrite/pass.ts';
import { any, constant, optional, p } from '../src/rewrite/pattern.ts';
import { Refusal } from '../src/rewrite/refusal.ts';
import { rule } from '../src/rewrite/rule.ts';

export interface ReluToFreluOptions extends FunnelOptions {
  /** The only activations to convert, by the name of their result, each with options of its own. */
  readonly sites?: ReadonlyMap<string, FunnelOptions>;
  /** Lets Identity nodes be activations too: max(x, x). */
  readonly identity?: boolean;
}

/**
 * Turns every ReLU over an image into a Funnel Activation: y = max(x, T(x)), T a depthwise convolution over a k×k window.
 *
 * ReLU is the funnel with T = 0, LeakyRelu and PRelu with a slope of at most 1 the ones whose centre tap is the slope, Clip the one
 * with T = min, its upper bound kept after it. So the start `exact` computes what the network did before, and training goes on from
 * there (Ma, Zhang, Sun: "Funnel Activation for Visual Recognition", ECCV 2020, whose own start is `gaussian`).
 *
 * @before
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y) {
 *   y = Relu (x)
 * }
 * ```
 * @after
 * ```onnx
 * <ir_version: 8, opset_import: ["" : 17]>
 * g (float[1,1,2,2] x) => (float[1,1,2,2] y)
 * <float[1,1,3,3] y_W = {0, 0, 0, 0, 0, 0, 0, 0, 0}, float[1] y_B = {0}>
 * {
 *   y_T = Conv <dilations: ints = [1, 1], group: int = 1, kernel_shape: ints = [3, 3], pads: ints = [1, 1, 1, 1], strides: ints = [1, 1]> (x, y_W, y_B)
 *   y = Max (y_T, x)
 * }
 * ```
 */
export function reluToFrelu(options: ReluToFreluOptions = {}): Pass {
  const { sites, identity = false, ...general } = options;
  for (const own of [{}, ...(sites?.values() ?? [])]) checkOptions({ ...general, ...own });
  const within = new Map<Node, Value>();
  const funnel = ({ node }: { readonly node: Node }, x: Value, start: Start, op: Builder) => {
    const own = sites ? sites.get(node.outputs[0]!.name) : {};
    if (!own || constantOf(x)) return undefined;
    const whole = within.get(node);
    if (whole) return op.refuse('E_FORM', `it is part of a FReLU already, x + relu(T(x) − x) or the like, which ends at ${whole.name}`);
    const stranger = notAnImage(x);
    if (stranger && x.shape?.length === 4) return op.refuse('E_RANK', stranger);
    return makeFunnel(x, { ...imageFacts(x), convolved: isConvolved(x) }, start, { ...general, ...own }, op, node);
  };
  const rules = [
    rule({ match: p.Relu(any('x')).as('site'), rewrite: ({ x, site }, op) => funnel(site, x, { slope: 0, floor: 0 }, op) }),
    rule({
      match: p.LeakyRelu(any('x')).as('site'),
      rewrite: ({ x, site }, op) => (site.attrs.alpha <= 1 ? funnel(site, x, { slope: site.attrs.alpha, floor: 0 }, op) : tooSteep(op)),
    }),
    rule({
      match: p.PRelu(any('x'), constant('slope')).as('site'),
      rewrite({ x, slope, site }, op) {
        if (Array.from(slope.numbers()).some(a => a > 1)) return tooSteep(op);
        // Before operator set 7 a vector was per channel; since then shapes are right-aligned.
        const aligned = slope.rank === 1 && (site.node.op.version ?? 7) < 7 ? slope.along(0, (imageFacts(x).rank ?? 4) - 1) : slope;
        return funnel(site, x, { slope: aligned, floor: 0 }, op);
      },
    }),
    rule({
      match: p.Clip(any('x'), optional(any('low')), optional(any('high'))).as('site'),
      rewrite({ x, low, high, site }, op) {
        const floor = low ? constantOf(low)?.numbers()[0] : site.attrs.min;
        if (low && floor === undefined) return op.refuse('E_DYNAMIC', `the lower bound ${low.name} is not a constant`);
        // Without a lower bound it is no activation.
        if (floor === undefined || floor < -3e38) return undefined;
        if (!Number.isFinite(floor)) return op.refuse('E_NONFINITE', `the lower bound is ${floor}`);
        const y = funnel(site, x, { slope: 0, floor }, op);
        if (!y || y instanceof Refusal) return y;
        if (high) return op.Clip(y, undefined, high);
        return site.attrs.max === undefined || site.attrs.max > 3e38 ? y : op.Clip(y, undefined, undefined, { max: site.attrs.max });
      },
    }),
    rule({
      match: p.Identity(any('x')).as('site'),
      rewrite: ({ x, site }, op) => (identity ? funnel(site, x, { slope: 1, floor: 0 }, op) : undefined),
    }),
  ];
  const trained = [general, ...(sites?.values() ?? [])].flatMap(own => own.weights ?? []);
  return pass('relu-to-frelu', 'changes', rules, {
    async prepare(model) {
      for (const weights of trained) weights.lookAt(model);
      await inferMissingTypes(model);
      const { finder, found } = funnelFinder();
      await finder.run(model);
      for (const { nodes } of found.values()) for (const node of nodes) within.set(node, nodes[0]!.outputs[0]!);
    },
    finish() {
      for (const weights of trained) weights.checkUsed();
    },
    // Names of sites are those of the graph; a function's body has names of its own.
    skips: () => sites !== undefined,
  });
}

const tooSteep = (op: Builder) => op.refuse('E_FORM', 'a slope above 1 bends the other way: max(x, a·x) is x there');
