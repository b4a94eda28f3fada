import { bodies, type FunctionDef, functionKey, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { printFunction } from '../text/print.ts';
import type { Evaluation, Maximum } from './evaluate.ts';
import { type Condition, DOMAIN, freluFunction, functionName, samePads } from './frelu.ts';
import { distinct, isTap, type Linear, sum } from './linear.ts';
import { kinds, quantisedFunction } from './quantised.ts';

/** The functions that FReLU is fused into. */
export const variants = [
  ...[2, 1, 3].map(spatialRank => ({ condition: 'conv' as const, spatialRank })),
  { condition: 'light-sum' as const, spatialRank: 2 },
  { condition: 'light-max' as const, spatialRank: 2 },
];

const byName = new Map(variants.map(v => [functionName({ condition: v.condition, combine: 'max', trainable: false }, v.spatialRank), v]));

/** Calls of functions that share no more than their name with ours. */
const namesakes = new WeakSet<Node>();

/** Looks for functions of our names that compute something else: their calls are no funnels. */
export function noteNamesakes(model: Model): void {
  const others = new Set(model.functions.filter(f => f.domain === DOMAIN && !isOurs(f)).map(functionKey));
  if (others.size === 0) return;
  for (const { graph } of bodies(model)) for (const node of graph.allNodes()) if (others.has(functionKey(node.op))) namesakes.add(node);
}

/** Whether a function is one of this domain that computes what its name says here. */
export function isOurs(f: FunctionDef): boolean {
  if (f.domain !== DOMAIN) return false;
  const opset = f.opsets.get('') ?? 0;
  const variant = byName.get(f.name);
  const kind = kinds.find(k => k.name === f.name);
  const own = variant ? freluFunction(opset, variant, variant.spatialRank) : kind && quantisedFunction(opset, kind);
  return own === undefined || printFunction(own) === printFunction(f);
}

/** Whether a node calls the function of this name, as it is defined here. */
export const isCallOf = (node: Node, name: string): boolean => node.op.domain === DOMAIN && node.op.name === name && !namesakes.has(node);

/** A call of one of them as a maximum: x and its conditions. */
export function evaluateCall(call: Node, at: Evaluation): Maximum | undefined {
  const variant = isCallOf(call, call.op.name) ? byName.get(call.op.name) : undefined;
  const data = variant && at.evaluate(call.inputs[0]);
  if (!variant || !data) return undefined;
  const conditions = conditionsOf(call, variant.condition, at);
  if (data.last || data.maps.length !== 1 || !isTap(data.maps[0]!, 1) || conditions.length === 0)
    return at.reject('a FReLU of another value takes part');
  at.convolutions++;
  at.channels = conditions[0]!.weight.dims[0]!;
  at.image ??= call.inputs[0];
  return { maps: distinct([...data.maps, ...conditions]), last: false };
}

/** What a call compares x with; none where it is no call as the function is defined here. */
export function conditionsOf(call: Node, condition: Condition, found: Evaluation): readonly Linear[] {
  const maps = branchesOf(call, found);
  if (condition !== 'light-sum' || maps.length !== 2) return distinct(maps);
  const both = sum(maps[0]!, maps[1]!);
  return both ? [both] : [];
}

/** The convolutions of a call: X, then a weight and a bias for each; windows are those of the weights. */
function branchesOf({ inputs, attributes }: Node, found: Evaluation): Linear[] {
  const maps: Linear[] = [];
  for (let i = 1; i + 1 < inputs.length; i += 2) {
    const [weight, bias] = [found.parameter(inputs[i]), found.parameter(inputs[i + 1])];
    const dilations = attributes.get(i === 1 ? 'dilations' : 'dilations_2');
    if (!weight || !bias || dilations?.type !== 'ints' || weight.rank !== dilations.value.length + 2) return [];
    const map = { weight, bias, dilations: dilations.value.map((d, axis) => (weight.dims[axis + 2] === 1 ? 1 : Number(d))) };
    if (!keepsSize(map, attributes, i === 1 ? '' : '_2')) return [];
    maps.push(map);
  }
  return maps;
}

/** Whether a call gives its convolution the attributes that compare each pixel with its own window. */
function keepsSize({ weight, bias, dilations }: Linear, attributes: Node['attributes'], n: string): boolean {
  const kernel_shape = weight.dims.slice(2);
  const [channels] = weight.dims;
  const is = (name: string, wanted: readonly number[]) => {
    const given = attributes.get(name);
    return given?.type === 'ints' && given.value.length === wanted.length && given.value.every((x, i) => Number(x) === wanted[i]);
  };
  const group = attributes.get('group');
  const depthwise = group?.type === 'int' && Number(group.value) === channels && weight.dims[1] === 1 && bias.size === channels;
  const centred = kernel_shape.every(k => k % 2 === 1) && is(`kernel_shape${n}`, kernel_shape);
  return depthwise && centred && is(`pads${n}`, samePads({ kernel_shape, dilations }));
}
