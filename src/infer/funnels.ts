import { noteNamesakes } from '../functions/call.ts';
import { type Funnel, funnelPatterns, roots } from '../functions/recognise.ts';
import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { type Pass, pass } from '../rewrite/pass.ts';
import { rule } from '../rewrite/rule.ts';
import { inferMissingTypes } from './types.ts';

/** Finds out what recognising funnels needs to know of a model. */
export async function prepareFunnels(model: Model): Promise<void> {
  noteNamesakes(model);
  if (mayHaveFunnels(model)) await inferMissingTypes(model);
}

/** Whether there is a depthwise convolution and a maximum, or a call: most networks have none, and nothing need be known of them. */
function mayHaveFunnels(model: Model): boolean {
  let depthwise = false;
  let maximum = false;
  for (const node of model.graph.allNodes()) {
    if (node.op.domain !== '') return true;
    depthwise ||= mayBeDepthwise(node);
    maximum ||= roots.some(root => node.op.name.endsWith(root));
    if (depthwise && maximum) return true;
  }
  return false;
}

function mayBeDepthwise({ op, attributes, inputs }: Node): boolean {
  const group = attributes.get('group');
  if (group?.type === 'int' && group.value > 1n) return true;
  // Of an image of one channel every convolution to one is depthwise.
  return op.name.includes('Conv') && inputs.some(v => v && v.shape?.[0] === 1 && v.shape[1] === 1);
}

/** A pass that finds every Funnel Activation, called or spelled out, and changes none. `found` holds them by the name of their result. */
export function funnelFinder(): { readonly finder: Pass; readonly found: ReadonlyMap<string, Funnel> } {
  const found = new Map<string, Funnel>();
  const collect = ({ funnel }: { readonly funnel: Funnel }) => void found.set(funnel.nodes[0]!.outputs[0]!.name, funnel);
  const rules = funnelPatterns.map(match => rule({ match, rewrite: collect }));
  return { finder: pass('find-frelu', 'exact', rules, { prepare: prepareFunnels }), found };
}
