import picomatch from 'picomatch';
import { FunnelError } from '../errors.ts';
import type { FunnelCost } from '../functions/cost.ts';
import type { Site } from './sites.ts';

/**
 * Where the paper and its author put funnels.
 *
 * | preset | activations |
 * |---|---|
 * | `all` | every one |
 * | `paper` | all but the first (the stem's) and those of the last stage or for it alone: the official ResNets |
 * | `partial` | of these, those after a window larger than 1×1: one a bottleneck, the author's advice to begin with |
 * | `light` | every one, as 1×3 and 3×1 summed: the official ShuffleNetV2 and MobileNet |
 */
export const presets = ['all', 'paper', 'partial', 'light'] as const;
export type Preset = (typeof presets)[number];

/** Whole numbers from…to, both included. */
export type Range = readonly [from: number, to: number];

/** How much a funnel model may cost more than the model before: an amount, or a share of what that costs. */
export type Budget = { readonly amount: number } | { readonly share: number };

/** Which activations are to become funnels. Conditions add up: all must hold. */
export interface Placement {
  readonly preset?: Preset;
  /** Globs over the names of activations' nodes and results; `*` takes slashes too. */
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  /** See `Site.stage`. */
  readonly stages?: readonly Range[];
  readonly channels?: readonly Range[];
  /** The smaller of height and width. */
  readonly sizes?: readonly Range[];
  /** Windows of the convolution before, such as `3x3`, or operators, such as `Add`. */
  readonly after?: readonly string[];
  readonly skipFirst?: boolean;
  readonly skipLastStage?: boolean;
  readonly maxMacs?: Budget;
  readonly maxParameters?: Budget;
  readonly maxActivationBytes?: Budget;
}

/** What the model before costs: what shares are shares of. */
export type Base = FunnelCost;

export interface Choice {
  readonly convert: boolean;
  /** In a few words. */
  readonly why: string;
}

const within = (ranges: readonly Range[], n: number) => ranges.some(([from, to]) => from <= n && n <= to);
const usage = (what: string) => new FunnelError('E_USAGE', what);

/**
 * Chooses among `sites`. Under a budget, those after a window larger than 1×1 come first, then the cheapest; what fits is taken.
 * @throws FunnelError `E_USAGE` for a condition on sizes that are not known, and for a glob that no activation matches
 */
export function place(sites: readonly Site[], placement: Placement, base: Base | undefined): Choice[] {
  const skips = rulesOf(sites, placement);
  const choices = sites.map((site): Choice => {
    if (site.refused) return { convert: false, why: `${site.refused.code}: ${site.refused.detail}` };
    const skipped = skips.map(skip => skip(site)).find(why => why !== undefined);
    return skipped === undefined ? { convert: true, why: 'chosen' } : { convert: false, why: skipped };
  });
  return withinBudgets(sites, choices, placement, base);
}

/** Why a site is left out, or undefined. */
type Skip = (site: Site) => string | undefined;

function rulesOf(sites: readonly Site[], placement: Placement): Skip[] {
  const { preset = 'all', only, skip, stages, channels, sizes, after } = placement;
  const possible = sites.filter(site => !site.refused);
  const asInPaper = preset === 'paper' || preset === 'partial';
  const rules: Skip[] = [];
  const when = (condition: unknown, rule: Skip) => void (condition && rules.push(rule));
  /** A wish that no activation meets is a slip. */
  const wish = (given: unknown, what: string, rule: Skip) => {
    if (given && possible.length > 0 && possible.every(rule)) throw usage(`no activation has ${what}; --plan lists them`);
    when(given, rule);
  };
  const [first] = possible;
  when(asInPaper || placement.skipFirst, site => (site === first ? 'the first activation' : undefined));
  when(asInPaper || preset === 'light', site => (isPixel(site) ? 'one pixel: no neighbourhood' : undefined));
  if (asInPaper || placement.skipLastStage) {
    const all = possible.filter(site => !isPixel(site)).map(stageOf);
    const last = Math.max(...all);
    // A network of one resolution has no last stage.
    when(
      all.some(stage => stage < last),
      site => (!isPixel(site) && (site.into ?? site.stage) === last ? `the last stage, ${last}` : undefined),
    );
  }
  when(preset === 'partial', site => (isLocal(site) ? undefined : `after ${site.after}`));
  wish(after, `${after?.join(' or ')} before it`, site => (after!.includes(site.after) ? undefined : `after ${site.after}`));
  wish(stages, 'such a stage', site => (within(stages!, stageOf(site)) ? undefined : `stage ${site.stage}`));
  wish(channels, 'so many channels', site => (within(channels!, site.channels ?? 0) ? undefined : `${site.channels} channels`));
  wish(sizes, 'such a size', site => (within(sizes!, Math.min(...sizeOf(site))) ? undefined : `size ${sizeOf(site).join('×')}`));
  if (only) {
    const wanted = globs(only, sites);
    rules.push(site => (wanted(site) ? undefined : 'not asked for by name'));
  }
  if (skip) {
    const unwanted = globs(skip, sites);
    rules.push(site => (unwanted(site) ? 'left out by name' : undefined));
  }
  return rules;
}

/** Behind a convolution that sees a neighbourhood. */
const isLocal = ({ after }: Site) => /^\d+(x\d+)+$/.test(after) && !/^1(x1)+$/.test(after);
const isPixel = ({ size }: Site) => size?.every(n => n === 1) === true;

function stageOf({ site, stage }: Site): number {
  if (stage === undefined) throw usage(`the stage of ${site} is not known: give sizes, such as --shape input:1x3x224x224`);
  return stage;
}

function sizeOf({ site, size }: Site): readonly number[] {
  if (size === undefined) throw usage(`the size of ${site} is not known: give sizes, such as --shape input:1x3x224x224`);
  return size;
}

function globs(patterns: readonly string[], sites: readonly Site[]): (site: Site) => boolean {
  const matchers = patterns.map(pattern => {
    const matches = picomatch(pattern, { dot: true, bash: true, nonegate: true });
    const match = ({ site, node }: Site) => pattern === site || pattern === node || matches(site) || matches(node);
    if (!sites.some(match)) throw usage(`no activation's name matches '${pattern}'; --plan lists them`);
    return match;
  });
  return site => matchers.some(match => match(site));
}

const measures = [
  ['maxMacs', 'macs', 'MACs'],
  ['maxParameters', 'parameters', 'parameters'],
  ['maxActivationBytes', 'activationBytes', 'activation memory'],
] as const;

function withinBudgets(sites: readonly Site[], choices: readonly Choice[], placement: Placement, base: Base | undefined): Choice[] {
  const limits = measures.flatMap(([option, measure, name]) => {
    const budget = placement[option];
    if (!budget) return [];
    if ('share' in budget && !base)
      throw usage(`what the model costs is not known, so no share of it: give the limit of ${name} as an amount`);
    return [{ measure, name, limit: 'share' in budget ? budget.share * base![measure] : budget.amount, spent: 0 }];
  });
  if (limits.length === 0) return [...choices];
  const costOf = (i: number) => {
    const { cost, site } = sites[i]!;
    if (!cost) throw usage(`the cost of ${site} is not known: give sizes, such as --shape input:1x3x224x224`);
    return cost;
  };
  const share = (i: number) => Math.max(...limits.map(({ measure, limit }) => costOf(i)[measure] / Math.max(limit, Number.MIN_VALUE)));
  const chosen = choices.flatMap(({ convert }, i) => (convert ? [{ i, first: isLocal(sites[i]!) ? 0 : 1, share: share(i) }] : []));
  const result = [...choices];
  for (const { i } of chosen.sort((a, b) => a.first - b.first || a.share - b.share || a.i - b.i)) {
    const over = limits.find(({ measure, limit, spent }) => spent + costOf(i)[measure] > limit);
    if (over) result[i] = { convert: false, why: `over the budget of ${over.name}` };
    else for (const limit of limits) limit.spent += costOf(i)[limit.measure];
  }
  return result;
}
