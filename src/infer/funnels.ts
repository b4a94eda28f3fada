import { noteNamesakes } from '../functions/call.ts';
import { type Funnel, funnelPatterns } from '../functions/recognise.ts';
import type { Model } from '../ir/model.ts';
import { type Pass, pass } from '../rewrite/pass.ts';
import { rule } from '../rewrite/rule.ts';
import { inferMissingTypes } from './types.ts';

/** Finds out what recognising funnels needs to know of a model. */
export async function prepareFunnels(model: Model): Promise<void> {
  noteNamesakes(model);
  await inferMissingTypes(model);
}

/** A pass that finds every Funnel Activation, called or spelled out, and changes none. `found` holds them by the name of their result. */
export function funnelFinder(): { readonly finder: Pass; readonly found: ReadonlyMap<string, Funnel> } {
  const found = new Map<string, Funnel>();
  const collect = ({ funnel }: { readonly funnel: Funnel }) => void found.set(funnel.nodes[0]!.outputs[0]!.name, funnel);
  const rules = funnelPatterns.map(match => rule({ match, rewrite: collect }));
  return { finder: pass('find-frelu', 'exact', rules, { prepare: prepareFunnels }), found };
}
