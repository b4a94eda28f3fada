import { FunnelError } from '../errors.ts';
import { checkNames } from '../known-names.ts';
import type { ValueMetadata } from '../runtime/session.ts';

/** Sizes for what a model leaves open: by input name (`[1, 3, 224, 224]`), or by symbol (`N: 2`, or several: `N: [1, 4]`). */
export interface Shapes {
  readonly inputs?: Readonly<Record<string, readonly number[]>> | undefined;
  readonly symbols?: Readonly<Record<string, number | readonly number[]>> | undefined;
}

/** One choice of sizes: input name → shape. */
export type ShapeCase = Readonly<Record<string, readonly number[]>>;

/** A first dimension without a size is taken for the batch; two, so that what is mixed up between samples shows. */
const batch = 2;
/** Any other dimension without a size: the least that networks which halve five times can live with. */
const extent = 32;

/** Sizes for the dimensions that a model leaves open: those of the batch, and the others, each counted from 0 on. */
interface Choice {
  readonly batch: (nth: number) => number;
  readonly extent: (nth: number) => number;
}

/** Another batch, and a size of its own for every other dimension; then one size for all of them; then another batch alone. */
const others: readonly Choice[] = [
  { batch: nth => batch + 1 + nth, extent: nth => extent * (nth + 2) },
  { batch: () => batch + 1, extent: () => extent * 2 },
  { batch: () => batch + 1, extent: () => extent },
];

/**
 * Every combination of the given sizes, the first given ones first. Sizes that nobody gave: 2 for a first dimension, 32 for others.
 * @throws FunnelError `E_USAGE` for a name that the model does not have, and for a shape that contradicts the model's.
 */
export function shapeCases(inputs: readonly ValueMetadata[], shapes: Shapes): ShapeCase[] {
  const symbols = new Set(inputs.flatMap(i => i.shape.filter(d => typeof d === 'string')));
  checkNames('symbolic dimension', Object.keys(shapes.symbols ?? {}), [...symbols]);
  checkNames(
    'input',
    Object.keys(shapes.inputs ?? {}),
    inputs.map(i => i.name),
  );
  let choices: Readonly<Record<string, number>>[] = [{}];
  for (const [symbol, sizes] of Object.entries(shapes.symbols ?? {})) {
    const list = typeof sizes === 'number' ? [sizes] : sizes;
    choices = choices.flatMap(choice => list.map(size => ({ ...choice, [symbol]: size })));
  }
  return choices.map(choice => {
    const sizes = new Map(Object.entries(choice));
    for (const input of inputs) bindSymbols(input, shapes.inputs?.[input.name], sizes);
    return Object.fromEntries(inputs.map(input => [input.name, shapes.inputs?.[input.name] ?? sizesOf(input, sizes)]));
  });
}

/**
 * Other sizes for a model that leaves any open, none of them those of `shapeCases`: what a size of those was taken for by mistake, or is
 * baked in, shows under them. Each choice asks less of the model than the one before it, which may refuse sizes that differ.
 * None where any are given: who gives sizes decides alone.
 */
export function otherCases(inputs: readonly ValueMetadata[], given: Shapes): ShapeCase[] {
  if (Object.keys({ ...given.inputs, ...given.symbols }).length > 0) return [];
  const cases = others.map(choice => {
    const sizes = new Map<string, number>();
    const counts = { batch: 0, extent: 0 };
    const open = (symbol: string, kind: keyof Choice) => {
      const size = sizes.get(symbol) ?? choice[kind](counts[kind]++);
      sizes.set(symbol, size);
      return size;
    };
    const sized = ({ name, shape }: ValueMetadata) =>
      // A dimension without a name is the same in all inputs: most often it is, as in the tokens and the mask of a sentence.
      [name, shape.map((d, i) => (typeof d === 'number' ? d : open(d ?? `axis ${i}`, i === 0 ? 'batch' : 'extent')))] as const;
    return Object.fromEntries(inputs.map(sized));
  });
  const known = new Set(shapeCases(inputs, {}).map(sizes => JSON.stringify(sizes)));
  return cases.filter(sizes => {
    const key = JSON.stringify(sizes);
    return !known.has(key) && known.add(key);
  });
}

/** A shape given for an input also says what its symbols are, for the other inputs. */
function bindSymbols({ name, shape }: ValueMetadata, given: readonly number[] | undefined, sizes: Map<string, number>): void {
  if (!given) return;
  const fits =
    shape.length === 0 || (given.length === shape.length && given.every((d, i) => typeof shape[i] !== 'number' || shape[i] === d));
  if (!fits)
    throw new FunnelError(
      'E_USAGE',
      `shape ${given.join('x')} does not fit input '${name}', which is ${shape.map(d => d ?? '?').join('x')}`,
    );
  for (const [i, d] of shape.entries()) if (typeof d === 'string') sizes.set(d, given[i]!);
}

/** A symbol keeps the size it was first given, wherever it occurs. */
function sizesOf({ shape }: ValueMetadata, sizes: Map<string, number>): number[] {
  return shape.map((d, i) => {
    const size = typeof d === 'number' ? d : ((d === undefined ? undefined : sizes.get(d)) ?? (i === 0 ? batch : extent));
    if (typeof d === 'string') sizes.set(d, size);
    return size;
  });
}
