import { InvalidArgumentError, Option } from 'commander';
import type { Budget, Placement, Preset, Range } from '../inspect/place.ts';
import type { Plan } from '../inspect/plan.ts';
import type { Model } from '../ir/model.ts';
import type { RefusedPlace } from '../rewrite/pass.ts';
import { naming, usage } from './failure.ts';
import { readModel } from './model-file.ts';
import { bytes, choice, funnelOptions, listOption, type PassFlags, type RewriteFlags } from './options.ts';
import type { Found } from './rewriting.ts';
import { type Shapes, shape } from './shapes.ts';

/** Which activations to convert, as commander names the options. */
export interface PlacementFlags {
  readonly place?: Preset;
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly stage?: readonly Range[];
  readonly after?: readonly string[];
  readonly channels?: readonly Range[];
  readonly size?: readonly Range[];
  readonly skipFirst?: boolean;
  readonly skipLastStage?: boolean;
  readonly maxMacs?: Budget;
  readonly maxParams?: Budget;
  readonly maxActivationBytes?: Budget;
  readonly shape?: Shapes;
}

type Flags = RewriteFlags & PassFlags & PlacementFlags & { readonly plan?: string };

/** Options that a plan file stands for. */
const settled = [
  ...['place', 'only', 'skip', 'stage', 'after', 'channels', 'size', 'skipFirst', 'skipLastStage', 'maxMacs', 'maxParams'],
  ...['maxActivationBytes', 'form', 'init', 'kernel', 'dilation', 'condition', 'combine', 'identity', 'seed'],
];

export const placementOptions = (): Option[] => [
  choice(
    '--place <preset>',
    "where: every activation; as the paper, not the stem's and the last stage's; of these, after 3×3 only; light",
    ['all', 'paper', 'partial', 'light'] satisfies Preset[],
  ),
  listOption('--only <globs>', 'activations of these names'),
  listOption('--skip <globs>', 'not activations of these names'),
  rangesOption('--stage <range>', 'stages, by halvings of the image: 2-4 are conv2_x to conv4_x of a ResNet'),
  listOption('--after <a,b>', 'after these convolutions, such as 3x3, or operators, such as Add'),
  rangesOption('--channels <range>', 'with so many channels, such as 64-256'),
  rangesOption('--size <range>', 'of this size, the smaller of height and width, such as 7-28'),
  new Option('--skip-first', 'not the first activation'),
  new Option('--skip-last-stage', 'not those of the last stage'),
  budgetOption('--max-macs <increase>', 'what multiply-accumulates may grow by, such as +2% or +50M', amount),
  budgetOption('--max-params <increase>', 'what parameters may grow by, such as +1% or +100k', amount),
  budgetOption('--max-activation-bytes <increase>', 'what activations may grow by, such as +10% or +20MB', bytes),
  new Option('--shape <size>', 'sizes the model leaves open: input:1x3x224x224 or N=2; may be repeated').argParser(shape),
  new Option(
    '--plan [file]',
    'show every activation, its cost and the choice, and write nothing; or carry out the plan in this .json file',
  ),
];

function rangesOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text, previous: readonly Range[] = []): Range[] => [
    ...previous,
    ...text.split(',').map((part): Range => {
      const [, low, dash, high] = /^(\d*)(-?)(\d*)$/.exec(part.trim()) ?? [];
      if (low === undefined || (low === '' && high === '')) throw new InvalidArgumentError('It must be like 3, 2-4, 64- or 1,3-5.');
      const from = Number(low);
      const to = dash === '' ? from : high === '' ? Number.POSITIVE_INFINITY : Number(high);
      if (from > to) throw new InvalidArgumentError('It must begin with the smaller number.');
      return [from, to];
    }),
  ]);
}

function budgetOption(flags: string, description: string, read: (text: string) => number): Option {
  return new Option(flags, description).argParser((text): Budget => {
    const [, share] = /^\+(\d+(?:\.\d+)?)\s*%$/.exec(text) ?? [];
    if (share !== undefined) return { share: Number(share) / 100 };
    if (!text.startsWith('+')) throw new InvalidArgumentError("It must be an increase: '+' and a number, such as +2%.");
    return { amount: read(text.slice(1)) };
  });
}

const factors: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

function amount(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)$/i.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('It must be like +2%, +50M or +100k.');
  return Number(number) * factors[unit.toLowerCase()]!;
}

/** What the command line says of the place of funnels; undefined where it says nothing. */
export function placementOf(flags: PlacementFlags): Placement | undefined {
  const { place, only, skip, stage, after, channels, size, skipFirst, skipLastStage, maxMacs, maxParams, maxActivationBytes } = flags;
  const placement: Placement = {
    ...(place && { preset: place }),
    ...(only && { only }),
    ...(skip && { skip }),
    ...(stage && { stages: stage }),
    ...(after && { after }),
    ...(channels && { channels }),
    ...(size && { sizes: size }),
    ...(skipFirst && { skipFirst }),
    ...(skipLastStage && { skipLastStage }),
    ...(maxMacs && { maxMacs }),
    ...(maxParams && { maxParameters: maxParams }),
    ...(maxActivationBytes && { maxActivationBytes }),
  };
  return Object.keys(placement).length > 0 ? placement : undefined;
}

/** The plan that a command line asks for. */
async function planFor(model: Model, input: string, flags: Flags): Promise<Plan> {
  const { plan } = await import('../api.ts');
  return naming(input, () => plan(model, placementOf(flags) ?? {}, funnelOptions(flags), flags.shape));
}

/** Shows a plan and writes nothing. */
export async function showPlan(input: string, flags: Flags): Promise<void> {
  if (flags.weights !== undefined) throw usage('--plan is made without weights: leave --weights out');
  if (flags.output !== undefined) throw usage('--plan writes no model: leave -o out, or name a plan to carry out (--plan plan.json)');
  const made = await planFor(await readModel(input), input, flags);
  const [{ say }, { planText }] = await Promise.all([import('./output.ts'), import('../report/plan-text.ts')]);
  say({ json: { ...made, model: input }, text: colors => planText(made, input, colors) }, flags);
}

/** Where funnels go, and which activations are left out: by a plan file, or by the options of placement. */
export async function placed(model: Model, input: string, flags: Flags): Promise<Found | undefined> {
  const settledBy = flags.plan;
  if (settledBy === undefined && !placementOf(flags)) return undefined;
  const made = settledBy === undefined ? await planFor(model, input, flags) : await readPlan(settledBy, flags);
  const { carryOut } = await import('../inspect/plan.ts');
  const options = await naming(settledBy ?? input, async () => carryOut(made, model));
  const left = made.sites.filter(site => !site.convert && !site.refused);
  const refused = made.sites.flatMap(({ site, node, op, refused }) => (refused ? [{ node, op, result: site, ...refused }] : []));
  // Who edits a plan need not edit its reasons.
  const why = (site: Plan['sites'][number]) => (site.why === 'chosen' ? 'left out by the plan' : site.why);
  return { options, refused: refused as RefusedPlace[], left: left.map(site => ({ ...site, why: why(site) })) };
}

async function readPlan(path: string, flags: Flags): Promise<Plan> {
  const given = settled.find(name => name in flags);
  if (given !== undefined)
    throw usage(`the plan says where and how to convert: leave out --${given.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`);
  const [{ readText }, { parsePlan }] = await Promise.all([import('../serde/file.ts'), import('../inspect/plan.ts')]);
  return naming(path, async () => parsePlan(await readText(path)));
}
