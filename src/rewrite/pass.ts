import { PassFailed } from '../errors.ts';
import { bodies, type FunctionDef, initializersAreInputs, type Model } from '../ir/model.ts';
import { Names } from '../ir/names.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Draft, Site } from './builder.ts';
import type { ReasonCode } from './refusal.ts';
import type { Refused, Replacement, Rule } from './rule.ts';
import { splice } from './splice.ts';

/** A place in the model that a pass fired at. */
export interface Place {
  /** The node's name, or that of its first result. */
  readonly node: string;
  readonly op: string;
  /** The name of the node's first result, which no other node has. */
  readonly result?: string;
  /** What to know about a rewrite that is not simply exact. */
  readonly note?: string;
  /** How far the result may have moved: |y − y′| ≤ bound·(max |x| + 1). */
  readonly bound?: number;
}

/** A place that a pass left alone, and why. */
export interface RefusedPlace extends Place {
  readonly code: ReasonCode;
  readonly detail: string;
}

export interface PassReport {
  readonly pass: string;
  readonly fired: readonly Place[];
  readonly refused: readonly RefusedPlace[];
}

/** A step of a pipeline. */
export interface Pass {
  readonly name: string;
  /** 'exact': outputs stay the same up to rounding. 'changes': the network computes something else. */
  readonly effect: 'exact' | 'changes';
  /** Edits the model it is given and says what it did. Never throws on a valid model. */
  run(model: Model): Promise<PassReport>;
}

/** What a pass of rules does besides its rules. */
export interface Hooks {
  /** A rewrite whose bound is above this is refused. */
  readonly maxError?: number | undefined;
  /** Before the rules run, such as finding out types. */
  prepare?(model: Model): Promise<void>;
  /** After the rules have run, where one fired. */
  finish?(model: Model): void;
  /** Functions whose bodies the pass has no business in, such as the one it makes. */
  skips?(f: FunctionDef): boolean;
}

/** Where a node is, for reports. */
export function placeOf(node: Node): Place {
  const result = node.outputs[0]?.name;
  return { node: labelOf(node), op: displayOp(node.op), ...(result && { result }) };
}

/** A pass made of rules, applied everywhere (nested graphs and functions included) until none fires. The first rule that fires at a node wins. */
export function pass(name: string, effect: Pass['effect'], rules: Rule | readonly Rule[], hooks: Hooks = {}): Pass {
  const byRoot = new Map<string, Rule[]>();
  for (const r of [rules].flat()) byRoot.set(r.root, [...(byRoot.get(r.root) ?? []), r]);
  return {
    name,
    effect,
    async run(model) {
      await hooks.prepare?.(model);
      const report = applyRules(name, byRoot, model, hooks);
      if (report.fired.length > 0) hooks.finish?.(model);
      return report;
    },
  };
}

function applyRules(name: string, byRoot: ReadonlyMap<string, readonly Rule[]>, model: Model, hooks: Hooks): PassReport {
  const names = new Names(model);
  const fired: Place[] = [];
  const refused = new Map<Node, RefusedPlace>();
  let bound = 1000;
  for (const { graph } of bodies(model)) for (const _ of graph.allNodes()) bound += 10;
  for (let before = -1; before !== fired.length; ) {
    before = fired.length;
    refused.clear();
    for (const { graph, opsets, function: f } of bodies(model)) {
      if (f && hooks.skips?.(f)) continue;
      for (const node of graph.allNodes()) {
        const rules = byRoot.get(displayOp(node.op));
        // What nothing uses is for drop-unused.
        if (!rules || node.outputs.every(o => o.uses.size === 0)) continue;
        const place = placeOf(node);
        const root = node.outputs[0]?.name || node.op.name;
        const literals = f !== undefined || (node.graph !== graph && initializersAreInputs(model.irVersion));
        const result = fireFirst(rules, node, { model, names, opsets, root, literals, pass: name, maxError: hooks.maxError });
        if (result && 'draft' in result) fired.push({ ...place, ...told(result.draft) });
        else if (result) refused.set(result.about, { ...placeOf(result.about), code: result.refusal.code, detail: result.refusal.detail });
        if (fired.length > bound) throw new PassFailed(name, place.node, 'the rules do not settle');
      }
    }
  }
  return { pass: name, fired, refused: [...refused.values()] };
}

const told = ({ note, bound }: Draft) => ({ ...(note !== undefined && { note }), ...(bound !== undefined && { bound }) });

/** Lets the first rule that can fire do so; else the first reason why not. */
function fireFirst(rules: readonly Rule[], node: Node, site: Omit<Site, 'match'>): Replacement | Refused | undefined {
  let reason: Refused | undefined;
  for (const rule of rules) {
    const proposal = rule.propose(node, site);
    if (proposal === undefined) continue;
    const refused = 'refusal' in proposal ? proposal : splice(node, proposal, site);
    if (!refused) return proposal as Replacement;
    reason ??= refused;
  }
  return reason;
}
