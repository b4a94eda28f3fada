import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import type { Pass } from '../src/rewrite/pass.ts';
import type { Dice } from './dice.ts';

/** A list of passes to put a network through, and what they are told. */
export interface Recipe {
  readonly name: string;
  /** What is done before, once. */
  readonly before: readonly string[];
  readonly passes: readonly string[];
  readonly options: PassOptions;
  /** Whether no bit of a result may change. */
  readonly bitExact?: boolean;
  /** A pass that is not in the list of passes, under the name `own`. */
  readonly own?: Pass;
}

/** The passes of some names. */
export const make = (names: readonly string[], { options, own }: Recipe): Pass[] =>
  names.map(name => (name === 'own' && own ? own : passes[name]!(options)));

/** Passes that give FReLU another form: each undoes what another does. */
const forms = new Set([
  'inline-functions',
  'fuse-frelu',
  'lower-frelu',
  'frelu-to-relu',
  'freeze-initializers',
  'force-eval',
  'sum-to-add',
]);
const harmless = Object.keys(passes).filter(name => !forms.has(name) && passes[name]!().effect === 'exact');

/** What a network is put through: every pipeline, alone or after a conversion to FReLU, and a few passes at random. */
export function recipesFor(dice: Dice): Recipe[] {
  const folding: PassOptions = {
    ...(dice.chance(0.3) && { maxGrowth: dice.pick([0, 16, 1 << 20]) }),
    ...(dice.chance(0.2) && { duplicateConv: true }),
    ...(dice.chance(0.5) && { foldIntoScale: true }),
    ...(dice.chance(0.1) && { maxFoldError: 1e-3 }),
  };
  const funnel: PassOptions = {
    form: dice.pick(['folded', 'trainable', 'fused'] as const),
    kernel: dice.pick([1, 3, 5]),
    condition: dice.pick(['conv', 'conv', 'light-max', 'light-sum'] as const),
  };
  const target = dice.pick(['max', 'ort-cpu', 'ort-webgpu', 'ort-web'] as const);
  const options: Readonly<Record<string, PassOptions>> = {
    convert: {},
    fold: folding,
    simplify: folding,
    deploy: { ...folding, target },
    lower: { target },
  };
  const recipes: Recipe[] = Object.entries(pipelines).map(([name, list]) => ({
    name,
    before: ['fuse', 'lower', 'revert'].includes(name) ? pipelines.convert! : [],
    passes: list,
    options: options[name] ?? {},
    ...(name === 'convert' && { bitExact: true }),
  }));
  recipes.push({ name: 'convert, another form', before: [], passes: pipelines.convert!, options: funnel });
  recipes.push({ name: 'convert, deploy', before: pipelines.convert!, passes: pipelines.deploy!, options: { ...funnel, target } });
  recipes.push({ name: 'inline, fold', before: ['inline-functions'], passes: pipelines.fold!, options: folding });
  recipes.push({ name: 'freeze, fold', before: ['freeze-initializers'], passes: pipelines.fold!, options: {} });
  recipes.push({ name: 'shuffled', before: [], passes: dice.shuffled(harmless).slice(0, dice.int(1, harmless.length)), options: folding });
  return recipes;
}
