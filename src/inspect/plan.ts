import { z } from 'zod';
import type { ReluToFreluOptions } from '../../passes/index.ts';
import { FunnelError } from '../errors.ts';
import type { FunnelCost } from '../functions/cost.ts';
import { checkOptions, type FunnelOptions } from '../functions/funnel.ts';
import { imageFacts } from '../infer/image.ts';
import type { Shapes } from '../infer/shapes.ts';
import type { Model } from '../ir/model.ts';
import { displayOp } from '../ir/op.ts';
import { costsOf } from './costs.ts';
import { type Placement, place } from './place.ts';
import { sitesOf } from './sites.ts';

const size = z.int().nonnegative();
const own = {
  kernel: z.int().positive().optional(),
  dilation: z.int().positive().optional(),
  condition: z.enum(['conv', 'light-sum', 'light-max', 'max-pool', 'average-pool']).optional(),
};
const general = z.strictObject({
  ...own,
  form: z.enum(['folded', 'trainable', 'fused']).optional(),
  init: z.enum(['exact', 'gaussian']).optional(),
  combine: z.enum(['max', 'sum']).optional(),
  seed: z.int().nonnegative().optional(),
  identity: z.boolean().optional(),
});
const cost = z.strictObject({ parameters: z.number(), macs: z.number(), activationBytes: z.number() });
const planned = z.strictObject({
  site: z.string(),
  node: z.string(),
  op: z.string(),
  channels: size.optional(),
  size: z.array(size).optional(),
  stage: z.int().nonnegative().optional(),
  into: z.int().nonnegative().optional(),
  after: z.string(),
  cost: cost.optional(),
  refused: z.strictObject({ code: z.string(), detail: z.string() }).optional(),
  convert: z.boolean(),
  why: z.string(),
  ...own,
});
const schema = z.strictObject({
  schema: z.literal('onnx-funnel/plan@1'),
  model: z.string().optional(),
  options: general,
  before: cost.optional(),
  added: cost.optional(),
  sites: z.array(planned),
});

/** What relu-to-frelu takes for activations. */
const activations = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Clip', 'Identity']);

/** What may become a funnel, and what shall, at which cost. Plain JSON: made to be read, edited (`convert`, `kernel`, …) and applied. */
export type Plan = z.infer<typeof schema>;

/** Options of the funnels that a plan may hold. */
export type PlanOptions = Omit<ReluToFreluOptions, 'sites' | 'weights'>;

/**
 * Chooses the activations of a model to become funnels, and says what that costs. Nothing is written.
 * @throws FunnelError `E_USAGE` for a placement that the model does not have
 */
export async function planConversion(model: Model, placement: Placement, options: PlanOptions, shapes: Shapes = {}): Promise<Plan> {
  const whole: PlanOptions = placement.preset === 'light' ? { condition: 'light-sum', ...options } : options;
  const sites = await sitesOf(model, whole, shapes);
  const costs = await costsOf(model, shapes);
  const before = costs.known ? { parameters: costs.parameters, macs: costs.macs, activationBytes: costs.activations.bytes } : undefined;
  const choices = place(sites, placement, before);
  const all = sites.map((site, i) => ({ ...site, ...choices[i]! }));
  const added = sum(all.filter(site => site.convert).map(site => site.cost));
  return schema.parse({ schema: 'onnx-funnel/plan@1', options: whole, ...(before && { before }), ...(added && { added }), sites: all });
}

/** Undefined where one of them is not known. */
function sum(costs: readonly (FunnelCost | undefined)[]): FunnelCost | undefined {
  const known = costs.filter(c => c !== undefined);
  if (known.length < costs.length) return undefined;
  const total = (measure: keyof FunnelCost) => known.reduce((all, c) => all + c[measure], 0);
  return { parameters: total('parameters'), macs: total('macs'), activationBytes: total('activationBytes') };
}

/** Reads a plan's JSON. @throws FunnelError `E_PLAN` that says where it is wrong */
export function parsePlan(text: string): Plan {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new FunnelError('E_PLAN', "not JSON; 'funnel convert MODEL --plan --json' writes plans");
  }
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new FunnelError('E_PLAN', `not a plan: ${issue!.path.join('.') || 'the document'}: ${issue!.message}`);
}

/**
 * The options of relu-to-frelu that carry a plan out.
 * @throws FunnelError `E_PLAN` where the plan was made for another model
 */
export function carryOut(plan: Plan, model: Model): ReluToFreluOptions {
  const nodes = new Map([...model.graph.allNodes()].map(node => [node.outputs[0]?.name, node]));
  const sites = new Map<string, FunnelOptions>();
  const seen = new Set<string>();
  for (const { site, op, channels, convert, kernel, dilation, condition } of plan.sites) {
    if (seen.has(site)) throw new FunnelError('E_PLAN', `the plan names ${site} twice`);
    seen.add(site);
    if (!activations.has(op))
      throw new FunnelError('E_PLAN', `${site} is a ${op} in the plan, which is no activation: ${[...activations].join(', ')} are`);
    const node = nodes.get(site);
    const found = node && displayOp(node.op) === op ? node : undefined;
    const here = found && imageFacts(found.inputs[0]!).channels;
    if (!found || (here !== undefined && channels !== undefined && here !== channels)) {
      const what = found
        ? `there with ${here} channels, in the plan with ${channels}`
        : node
          ? `a ${displayOp(node.op)} there`
          : 'not there';
      throw new FunnelError('E_PLAN', `the plan is for another model: its activation ${site} (${op}) is ${what}`);
    }
    const given = { ...(kernel && { kernel }), ...(dilation && { dilation }), ...(condition && { condition }) };
    if (!convert) continue;
    try {
      checkOptions({ ...defined(plan.options), ...given });
    } catch (error) {
      throw error instanceof FunnelError ? new FunnelError('E_PLAN', `${site}: ${error.message}`) : error;
    }
    sites.set(site, given);
  }
  return { ...defined(plan.options), sites };
}

/** Without what is undefined: `exactOptionalPropertyTypes` tells it from what is absent. */
function defined(options: Plan['options']): PlanOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as PlanOptions;
}
