import { createHash } from 'node:crypto';
import { FunnelError } from '../errors.ts';
import type { ShapeCase } from '../infer/shapes.ts';
import type { Tensors, ValueMetadata } from '../runtime/session.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { type DType, dtypes, isFloat, isInteger, isKnown } from '../tensor/dtype.ts';
import { normal, type Random, random, uniform } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { IntegerRange } from './integers.ts';
import type { Finding } from './verdict.ts';

/**
 * Kinds of generated inputs, each to tell apart what the others can't:
 * - `normal`: standard normal. Signed: uniform inputs can't tell a Relu from an Identity.
 * - `uniform`: uniform in [0, 1), like an image.
 * - `large`: normal × 1000 (× 8 for float16): saturation, clipping.
 * - `tiny`: normal × 1e-6 (× 1e-3 for float16): epsilons, biases.
 * - `zeros`: +0 and −0.
 * - `flips`: |normal|, its sign changing from channel to channel: channels that were exchanged, signs that were lost.
 * - `edges`: zero but for the border of the last two dimensions: padding.
 * Integers that index a table come from all of it; from its first four rows in `tiny`, from the two at either end in `edges`.
 */
export const inputKinds = ['normal', 'uniform', 'large', 'tiny', 'zeros', 'flips', 'edges'] as const;
export type InputKind = (typeof inputKinds)[number];

/** What a software adapter is given, which takes seconds for what a GPU does in milliseconds: kinds that tell signs and channels apart. */
export const isQuick = (source: InputSet['source']): boolean => source === 'normal' || source === 'flips' || source === 'given';

/** One set of values for a model's inputs; `feeds` makes them anew each time. */
export interface InputSet {
  /** Unique within a verdict, such as `normal` or `normal N=4`. */
  readonly label: string;
  readonly source: InputKind | 'given';
  /** The files that the values come from. */
  readonly files?: readonly DataFile[];
  /** What A computes from them, as somebody stored it, by output. */
  readonly outputs?: Tensors;
  /** Of sizes that nobody asked for: a model may refuse them, and of several such sets the first that it takes is run. */
  readonly optional?: true;
  feeds(): Tensors;
}

/** A file that inputs were read from, as a verdict names it. */
export interface DataFile {
  /** As it was given. */
  readonly path: string;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** The same sets, a label that was there before with a number behind it. */
export function withOwnLabels(sets: readonly InputSet[]): InputSet[] {
  const taken = new Set<string>();
  return sets.map(set => {
    let label = set.label;
    for (let n = 2; taken.has(label); n++) label = `${set.label} (${n})`;
    taken.add(label);
    return label === set.label ? set : { ...set, label, feeds: () => set.feeds() };
  });
}

/** How a verdict describes its inputs. */
export interface InputSummary {
  readonly label: string;
  readonly source: InputKind | 'given';
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** SHA-256 over names, types, shapes and values, in hexadecimal. */
  readonly sha256: string;
  /** Undefined for values that come from no file. */
  readonly files?: readonly DataFile[];
}

/** What inputs of integers take, where that is known. */
export type Integers = ReadonlyMap<string, IntegerRange>;
const unknown: Integers = new Map();

/** Inputs of every kind for the first choice of sizes, and normal ones for the others. The same seed gives the same bits. */
export function generate(
  inputs: readonly ValueMetadata[],
  cases: readonly ShapeCase[],
  kinds: readonly InputKind[],
  seed: number,
  integers: Integers = unknown,
): InputSet[] {
  return cases.flatMap((shapes, i) => {
    const suffix = i === 0 ? '' : ` ${differences(cases[0]!, shapes)}`;
    const one = kinds.includes('normal') ? (['normal'] as const) : kinds.slice(0, 1);
    // Without inputs every kind is the same.
    return (i === 0 && inputs.length > 0 ? kinds : one).map(kind => ({
      label: kind + suffix,
      source: kind,
      feeds: () => Object.fromEntries(inputs.map(input => [input.name, valuesFor(input, shapes[input.name]!, kind, seed, integers)])),
    }));
  });
}

function differences(first: ShapeCase, other: ShapeCase): string {
  const changed = Object.entries(other).filter(([name, dims]) => dims.some((d, i) => d !== first[name]![i]));
  return changed.map(([name, dims]) => `${name}:${dims.join('x')}`).join(' ');
}

/** Elements of one input: half a gigabyte in float32, four times that while it is made. */
const LARGEST = 2 ** 27;

/** The stream depends on kind and name, so that adding an input leaves the others as they were. */
function valuesFor({ name, dtype }: ValueMetadata, dims: readonly number[], kind: InputKind, seed: number, integers: Integers): Tensor {
  const stream = `${seed} ${kind} ${name}`;
  const size = sizeOf(dims);
  if (size > LARGEST)
    throw new FunnelError('E_USAGE', `input '${name}' would have ${size} elements [${dims.join(',')}]: give smaller sizes`);
  const type = dtype ?? 'float';
  if (isFloat(type)) return Tensor.of(type, dims, floats[kind](stream, dims, type));
  const below = integersOf(random(stream));
  if (type === 'string')
    return Tensor.ofStrings(
      dims,
      Array.from({ length: size }, () => Buffer.from(`s${below(8)}`)),
    );
  if (type === 'bool')
    return Tensor.of(
      type,
      dims,
      Uint8Array.from({ length: size }, () => below(2)),
    );
  const rows = integers.get(name);
  if (rows?.certain) return Tensor.of(type, dims, rowsOf(Math.min(rows.below, countIn(type)), size, kind, below));
  const [low, span] = rangeOf(type, kind);
  const most = Math.min(span, rows?.below ?? span);
  return Tensor.of(
    type,
    dims,
    Float64Array.from({ length: size }, () => low + below(most)),
  );
}

/** Whole numbers from 0 to n − 1. */
const integersOf = (next: Random) => (n: number) => Math.floor(next() * n);

/** 8-bit inputs are images: their whole range. Wider ones are counts, masks and what nobody knows: 0 to 3. */
function rangeOf(type: DType, kind: InputKind): readonly [low: number, span: number] {
  const bits = isKnown(type) ? dtypes[type].bits : 32;
  if (kind === 'zeros') return [0, 1];
  return bits === 8 ? [type === 'int8' ? -128 : 0, 256] : [0, Math.min(few, 2 ** (bits - 1))];
}

/** How many integers from 0 on a type has. */
function countIn(type: DType): number {
  const bits = isKnown(type) ? dtypes[type].bits : 32;
  return 2 ** (type.startsWith('uint') ? bits : bits - 1);
}

/** What integers are drawn from where nothing is known of them. */
const few = 4;

/** Rows of a table of `count`; where there is room for it, the first and the last one are among them. */
function rowsOf(count: number, size: number, kind: InputKind, below: (n: number) => number): Float64Array {
  if (kind === 'zeros') return new Float64Array(size);
  if (kind === 'tiny') return Float64Array.from({ length: size }, () => below(Math.min(few, count)));
  const ends = [0, 1, count - 2, count - 1].map(row => Math.max(0, Math.min(row, count - 1)));
  const rows = Float64Array.from({ length: size }, () => (kind === 'edges' ? ends[below(4)]! : below(count)));
  if (size > 2) rows[0] = 0;
  if (size > 2 || (size > 0 && kind === 'large')) rows[size - 1] = count - 1;
  return rows;
}

/** Integers that are indices of nothing that is known, so that only a few values were tried. */
export function narrowInputs(inputs: readonly ValueMetadata[], kinds: readonly InputKind[], integers: Integers): Finding[] {
  if (kinds.every(kind => kind === 'zeros')) return [];
  const isNarrow = ({ name, dtype = 'float' }: ValueMetadata) =>
    isInteger(dtype) && isKnown(dtype) && dtypes[dtype].bits > 8 && !integers.get(name)?.certain;
  return inputs.filter(isNarrow).map(({ name }) => {
    const last = Math.min(few, integers.get(name)?.below ?? few) - 1;
    const message = `${last > 0 ? `only 0…${last} were` : 'only 0 was'} tried, as nothing tells which integers make sense; --data gives others`;
    return { code: 'narrow-integers', where: `input '${name}'`, message };
  });
}

type Fill = (stream: string, dims: readonly number[], dtype: DType) => Float64Array;

const scaledNormal =
  (wide: number, narrow: number): Fill =>
  (stream, dims, dtype) =>
    normal(stream, sizeOf(dims)).map(x => x * (dtype === 'float16' ? narrow : wide));

const floats: Readonly<Record<InputKind, Fill>> = {
  normal: scaledNormal(1, 1),
  large: scaledNormal(1000, 8),
  tiny: scaledNormal(1e-6, 1e-3),
  uniform: (stream, dims) => uniform(stream, sizeOf(dims)),
  zeros: (stream, dims) => uniform(stream, sizeOf(dims), -1, 1).map(x => (x < 0 ? -0 : 0)),
  flips(stream, dims) {
    const inner = sizeOf(dims.slice(2));
    const channels = dims[1] ?? 2;
    return normal(stream, sizeOf(dims)).map((x, i) => Math.abs(x) * ((Math.floor(i / inner) % channels) % 2 === 0 ? 1 : -1));
  },
  edges(stream, dims) {
    const width = dims.at(-1) ?? 1;
    const height = dims.length > 1 ? dims.at(-2)! : 1;
    const inside = (at: number, size: number) => at > 0 && at < size - 1;
    return normal(stream, sizeOf(dims)).map((x, i) => (inside(i % width, width) && inside(Math.floor(i / width) % height, height) ? 0 : x));
  },
};

export function summarise(set: InputSet, feeds: Tensors): InputSummary {
  const hash = createHash('sha256');
  for (const [name, t] of Object.entries(feeds)) {
    hash.update(`${name}\0${t.dtype}\0${t.dims}\0`);
    if (t.dtype === 'string') for (const s of t.strings()) hash.update(s).update('\0');
    else hash.update(t.bytes());
  }
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, t.dims]));
  return { label: set.label, source: set.source, shapes, sha256: hash.digest('hex'), ...(set.files && { files: set.files }) };
}
