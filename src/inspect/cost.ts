import { foldConstants, foldShape, inlineFunctions, lowerFrelu, reluToFrelu } from '../../passes/index.ts';
import { type Form, forms } from '../functions/forms.ts';
import type { Funnel } from '../functions/recognise.ts';
import { funnelFinder } from '../infer/funnels.ts';
import type { Shapes } from '../infer/shapes.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Pass } from '../rewrite/pass.ts';
import { rewrite } from '../rewrite/pipeline.ts';
import { type Costs, costsOf } from './costs.ts';
import { type Load, loadOf } from './load.ts';
import type { Placement } from './place.ts';
import { carryOut, type PlanOptions, planConversion } from './plan.ts';
import { sizeModel } from './sized.ts';

/** `as it is`, a form that conversion makes (`folded` is a light funnel's two convolutions, too), or one that lowering makes. */
export type CostedForm = 'as it is' | 'folded' | Form;

/** What the funnels of a model cost in each form. Plain JSON. */
export interface CostReport {
  readonly schema: 'onnx-funnel/cost@1';
  /** Activations that were converted for this report; 0 for a model with funnels of its own. */
  readonly converted: number;
  readonly forms: readonly FormCost[];
  readonly sites: readonly SiteCost[];
}

export interface FormCost {
  readonly form: CostedForm;
  /** Funnels in this form. */
  readonly funnels: number;
  readonly costs: Costs;
}

export interface SiteCost {
  readonly site: string;
  readonly channels: number;
  readonly size: readonly (number | undefined)[];
  /** What its nodes ask for, by form. */
  readonly loads: Partial<Readonly<Record<CostedForm, Load>>>;
}

/**
 * Counts a model as it is and with its funnels in each form. A model without funnels is converted first, where `placement` says, with
 * funnels of these `options`.
 * @throws FunnelError `E_USAGE` for a placement that the model does not have
 */
export async function costReport(
  model: Model,
  placement: Placement,
  options: Omit<PlanOptions, 'form'>,
  shapes: Shapes = {},
): Promise<CostReport> {
  const run = async (from: Model, ...passes: readonly Pass[]) => (await rewrite(from, passes)).model;
  const { finder, found } = funnelFinder();
  const folded = await run(model, foldShape, foldConstants(), finder);
  const variants: [CostedForm, Model][] = [['as it is', folded]];
  let from = folded;
  let converted = 0;
  if (found.size === 0) {
    // Random weights: a funnel of zeros has no form to train on.
    const plan = await planConversion(folded, placement, { ...options, init: 'gaussian' }, shapes);
    const where = carryOut(plan, folded);
    const convert = (form: 'folded' | 'trainable' | 'fused') => run(folded, reluToFrelu({ ...where, form }));
    converted = plan.sites.filter(site => site.convert).length;
    from = await convert('folded');
    variants.push(['trainable', await convert('trainable')], ['folded', from], ['fused', await convert('fused')]);
  }
  const made = variants.length;
  const has = (form: CostedForm) => variants.some(([known]) => known === form);
  for (const form of forms.filter(f => !has(f))) variants.push([form, await run(from, lowerFrelu({ lowering: form }))]);
  const counted = await Promise.all(variants.map(async ([form, variant]) => ({ form, ...(await count(variant, shapes)) })));
  // What no lowering knows (pools, sums) has the forms that conversion makes.
  const known = counted.filter(({ funnels }, i) => i < made || funnels.size > 0);
  return {
    schema: 'onnx-funnel/cost@1',
    converted,
    forms: known.map(({ form, funnels, costs }) => ({ form, funnels: funnels.size, costs })),
    sites: sitesOf(known),
  };
}

interface Counted {
  readonly form: CostedForm;
  readonly costs: Costs;
  readonly funnels: ReadonlyMap<string, Funnel>;
}

async function count(model: Model, shapes: Shapes): Promise<Omit<Counted, 'form'>> {
  const flat = cloneModel(model);
  if (flat.functions.length > 0) await inlineFunctions.run(flat);
  await sizeModel(flat, shapes);
  const { finder, found } = funnelFinder();
  await finder.run(flat);
  return { costs: await costsOf(model, shapes), funnels: found };
}

function sitesOf(counted: readonly Counted[]): SiteCost[] {
  const sites = new Map<string, SiteCost & { loads: Partial<Record<CostedForm, Load>> }>();
  for (const { form, funnels } of counted) {
    for (const [name, { x, nodes }] of funnels) {
      const [, channels, ...size] = x.shape ?? [];
      const site = sites.get(name) ?? {
        site: name,
        channels: typeof channels === 'number' ? channels : 0,
        size: size.map(d => (typeof d === 'number' ? d : undefined)),
        loads: {},
      };
      const load = loadOf(nodes, shape => shape.map(d => (typeof d === 'number' ? d : 1)));
      if (load.macs !== undefined) site.loads[form] = { ...load, macs: load.macs };
      sites.set(name, site);
    }
  }
  return [...sites.values()];
}
