import { type ReluToFreluOptions, reluToFrelu } from '../../passes/index.ts';
import { type FunnelCost, funnelCost } from '../functions/cost.ts';
import { imageFacts } from '../infer/image.ts';
import type { Shapes } from '../infer/shapes.ts';
import { attrsOf } from '../ir/attrs.ts';
import { cloneModel } from '../ir/clone.ts';
import { constantOf } from '../ir/constant.ts';
import type { Model } from '../ir/model.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import type { ReasonCode } from '../rewrite/refusal.ts';
import { sizeModel } from './sized.ts';

/** An activation that may become a FReLU: where it is, and what the funnel would add. */
export interface Site {
  /** The name of its result, which identifies it. */
  readonly site: string;
  readonly node: string;
  readonly op: string;
  readonly channels?: number;
  /** Spatial sizes, such as [H, W]. */
  readonly size?: readonly number[];
  /** How often the image was halved since the model's input: 1 for a ResNet's stem, 2 to 5 for its stages (conv2_x to conv5_x). */
  readonly stage?: number;
  /** The stage of the one convolution that uses it, where that is a later one: a bottleneck may halve the image in its second. */
  readonly into?: number;
  /** The window of the convolution before it, such as `3x3`, else the operator before it. Normalizations are looked through. */
  readonly after: string;
  readonly cost?: FunnelCost;
  /** Why it can't be converted. */
  readonly refused?: { readonly code: ReasonCode; readonly detail: string };
}

/**
 * The activations of the main graph that relu-to-frelu looks at, in order, as funnels of these `options` would take their places. `shapes`
 * stand in for open dimensions; without one, the batch counts as 1, and a site of unknown height or width has neither stage nor cost.
 */
export async function sitesOf(model: Model, options: ReluToFreluOptions, shapes: Shapes = {}): Promise<Site[]> {
  const { fired, refused } = await reluToFrelu(options).run(cloneModel(model));
  const reasons = new Map(refused.map(place => [place.result, place]));
  const wanted = new Set([...fired.map(place => place.result), ...reasons.keys()]);
  const sized = cloneModel(model);
  // What the runtime can't load keeps what is declared and what local rules tell.
  await sizeModel(sized, shapes);
  const image = imageOf(sized);
  return [...sized.graph.allNodes()]
    .filter(node => wanted.has(node.outputs[0]?.name))
    .map(node => siteOf(node, image, options, reasons.get(node.outputs[0]!.name)));
}

function siteOf(node: Node, image: readonly number[] | undefined, options: ReluToFreluOptions, refused: Site['refused']): Site {
  const x = node.inputs[0]!;
  const { channels, dtype, rank } = imageFacts(x);
  const [batch, , ...spatial] = x.shape ?? [];
  const known = spatial.filter(d => typeof d === 'number');
  const size = rank !== undefined && rank > 2 && known.length === rank - 2 ? known : undefined;
  const stage = image && stageOf(x.shape, image);
  const into = image && laterStage(node.outputs[0]!, image);
  const facts =
    size && channels !== undefined && dtype ? { batch: typeof batch === 'number' ? batch : 1, channels, size, dtype } : undefined;
  return {
    site: node.outputs[0]!.name,
    node: labelOf(node),
    op: displayOp(node.op),
    ...(channels !== undefined && { channels }),
    ...(size && { size }),
    ...(stage !== undefined && { stage }),
    ...(into !== undefined && stage !== undefined && into > stage && { into }),
    after: originOf(x),
    ...(facts && !refused && { cost: funnelCost(options, facts, isBounded(node)) }),
    ...(refused && { refused: { code: refused.code, detail: refused.detail } }),
  };
}

/** The spatial sizes of the largest image among the inputs. */
function imageOf({ graph }: Model): readonly number[] | undefined {
  const images = graph.inputs.flatMap(({ definition, shape }) => {
    const size = shape?.slice(2).filter(d => typeof d === 'number') ?? [];
    const isImage = definition.kind === 'input' && !definition.fallback && size.length > 0 && size.length === shape!.length - 2;
    return isImage ? [size] : [];
  });
  const area = (size: readonly number[]) => size.reduce((a, b) => a * b, 1);
  return images.sort((a, b) => area(b) - area(a))[0];
}

/** The mean over the spatial axes of log₂(from / to), rounded: 224 → 112 → 56 are 0, 1, 2; 299 → 149 → 147 are 0, 1, 1. */
function stageOf(shape: Value['shape'], from: readonly number[]): number | undefined {
  const to = shape?.slice(2).filter(d => typeof d === 'number') ?? [];
  if (to.length !== from.length || shape?.length !== from.length + 2 || to.includes(0)) return undefined;
  const logs = to.map((n, i) => Math.log2(from[i]! / n));
  return Math.max(0, Math.round(logs.reduce((a, b) => a + b, 0) / logs.length));
}

/** The stage of the convolution that is a value's only use. */
function laterStage({ uses }: Value, image: readonly number[]): number | undefined {
  const [use, other] = uses;
  return use?.kind === 'operand' && !other && use.node.op.name === 'Conv' ? stageOf(use.node.outputs[0]!.shape, image) : undefined;
}

/** Operators that a convolution is seen through; arithmetic with a constant is one half of a normalization. */
const passedThrough = new Set(['BatchNormalization', 'Identity', 'Cast', 'Dropout']);
const arithmetic = new Set(['Mul', 'Add', 'Sub', 'Div']);

/** How far a convolution is looked for. */
const DEPTH = 16;

function originOf(value: Value, depth = DEPTH): string {
  const node = value.producer;
  if (!node) return 'input';
  if (node.op.domain !== '') return displayOp(node.op);
  const [first, second] = node.inputs;
  if (node.op.name === 'Conv' || node.op.name === 'ConvTranspose') {
    const window = second?.shape?.slice(2) ?? attrsOf(node, 'Conv').kernel_shape;
    return window ? window.join('x') : node.op.name;
  }
  if (depth === 0) return node.op.name;
  if (first && passedThrough.has(node.op.name)) return originOf(first, depth - 1);
  if (first && second && arithmetic.has(node.op.name)) {
    if (constantOf(second)) return originOf(first, depth - 1);
    if (constantOf(first)) return originOf(second, depth - 1);
  }
  return node.op.name;
}

/** A Clip whose upper bound stays behind the funnel. */
function isBounded(node: Node): boolean {
  return node.op.name === 'Clip' && (node.inputs[2] !== undefined || (attrsOf(node, 'Clip').max ?? 3.5e38) < 3e38);
}
