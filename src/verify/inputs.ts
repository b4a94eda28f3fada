import { createHash } from 'node:crypto';
import type { Tensors, ValueMetadata } from '../runtime/session.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { type DType, dtypes, isFloat, isKnown } from '../tensor/dtype.ts';
import { Random } from '../tensor/random.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { ShapeCase } from './shapes.ts';
import { epsilonOf } from './ulp.ts';

/**
 * Kinds of generated inputs, each to tell apart what the others can't:
 * - `normal`: standard normal. Signed: uniform inputs can't tell a Relu from an Identity.
 * - `uniform`: uniform in [0, 1), like an image.
 * - `large`: normal × 1000 (× 8 for float16): saturation, clipping.
 * - `tiny`: normal × 1e-6 (× 1e-3 for float16): epsilons, biases.
 * - `zeros`: +0 and −0.
 * - `flips`: |normal|, its sign changing from channel to channel: channels that were exchanged, signs that were lost.
 * - `edges`: zero but for the border of the last two dimensions: padding.
 */
export const inputKinds = ['normal', 'uniform', 'large', 'tiny', 'zeros', 'flips', 'edges'] as const;
export type InputKind = (typeof inputKinds)[number];

/** One set of values for a model's inputs; `feeds` makes them anew each time. */
export interface InputSet {
  /** Unique within a verdict, such as `normal` or `normal N=4`. */
  readonly label: string;
  readonly source: InputKind | 'given';
  feeds(): Tensors;
}

/** How a verdict describes its inputs. */
export interface InputSummary {
  readonly label: string;
  readonly source: InputKind | 'given';
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** SHA-256 over names, types, shapes and values, in hexadecimal. */
  readonly sha256: string;
}

/** Inputs of every kind for the first choice of sizes, and normal ones for the others. The same seed gives the same bits. */
export function generate(inputs: readonly ValueMetadata[], cases: readonly ShapeCase[], kinds: readonly InputKind[], seed: number): InputSet[] {
  return cases.flatMap((shapes, i) => {
    const suffix = i === 0 ? '' : ` ${differences(cases[0]!, shapes)}`;
    return (i === 0 ? kinds : kinds.slice(0, 1)).map(kind => ({
      label: kind + suffix,
      source: kind,
      feeds: () => Object.fromEntries(inputs.map(input => [input.name, valuesFor(input, shapes[input.name]!, kind, seed)])),
    }));
  });
}

function differences(first: ShapeCase, other: ShapeCase): string {
  const changed = Object.entries(other).filter(([name, dims]) => dims.some((d, i) => d !== first[name]![i]));
  return changed.map(([name, dims]) => `${name}:${dims.join('x')}`).join(' ');
}

/** The stream depends on kind and name, so that adding an input leaves the others as they were. */
function valuesFor({ name, dtype }: ValueMetadata, dims: readonly number[], kind: InputKind, seed: number): Tensor {
  const random = new Random(`${seed} ${kind} ${name}`);
  const size = sizeOf(dims);
  const type = dtype ?? 'float';
  if (type === 'string') return Tensor.ofStrings(dims, Array.from({ length: size }, () => Buffer.from(`s${random.integer(8)}`)));
  if (type === 'bool') return Tensor.of(type, dims, Uint8Array.from({ length: size }, () => random.integer(2)));
  if (!isFloat(type)) return Tensor.of(type, dims, integers(type, size, kind, random));
  const values = new Float64Array(size);
  fill[kind](values, dims, random, type);
  return Tensor.of(type, dims, values);
}

/** 8-bit inputs are images: their whole range. Wider ones are indices and counts: 0 to 7. */
function integers(type: DType, size: number, kind: InputKind, random: Random): Float64Array {
  const bits = isKnown(type) ? dtypes[type].bits : 32;
  const [low, span] = kind === 'zeros' ? [0, 1] : bits === 8 ? [type === 'int8' ? -128 : 0, 256] : [0, Math.min(8, 2 ** (bits - 1))];
  return Float64Array.from({ length: size }, () => low + random.integer(span));
}

type Fill = (values: Float64Array, dims: readonly number[], random: Random, dtype: DType) => void;

const scaled =
  (wide: number, narrow: number): Fill =>
  (values, _dims, random, dtype) => {
    const scale = dtype === 'float16' ? narrow : wide;
    for (let i = 0; i < values.length; i++) values[i] = random.normal() * scale;
  };

const fill: Readonly<Record<InputKind, Fill>> = {
  normal: scaled(1, 1),
  large: scaled(1000, 8),
  tiny: scaled(1e-6, 1e-3),
  uniform(values, _dims, random) {
    for (let i = 0; i < values.length; i++) values[i] = random.uniform();
  },
  zeros(values, _dims, random) {
    for (let i = 0; i < values.length; i++) values[i] = random.integer(2) === 0 ? 0 : -0;
  },
  flips(values, dims, random) {
    const inner = sizeOf(dims.slice(2));
    const channels = dims[1] ?? 2;
    for (let i = 0; i < values.length; i++) values[i] = Math.abs(random.normal()) * (Math.floor(i / inner) % channels % 2 === 0 ? 1 : -1);
  },
  edges(values, dims, random) {
    const width = dims.at(-1) ?? 1;
    const height = dims.length > 1 ? dims.at(-2)! : 1;
    for (let i = 0; i < values.length; i++) {
      const x = i % width;
      const y = Math.floor(i / width) % height;
      const border = x === 0 || x === width - 1 || y === 0 || y === height - 1;
      values[i] = border ? random.normal() : 0;
    }
  },
};

/** Each float moved by one rounding, up or down: what a model makes of it is the noise it can't help. */
export function perturbed(feeds: Tensors, seed: number): Tensors {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, t]) => {
      if (!isFloat(t.dtype)) return [name, t];
      const random = new Random(`${seed} perturbed ${name}`);
      const epsilon = epsilonOf(t.dtype);
      return [name, Tensor.of(t.dtype, t.dims, Float64Array.from(t.numbers(), x => x * (1 + (random.integer(2) === 0 ? epsilon : -epsilon))))];
    }),
  );
}

export function summarise(set: InputSet, feeds: Tensors): InputSummary {
  const hash = createHash('sha256');
  for (const [name, t] of Object.entries(feeds)) {
    hash.update(`${name}\0${t.dtype}\0${t.dims}\0`);
    if (t.dtype === 'string') for (const s of t.strings()) hash.update(s).update('\0');
    else hash.update(t.bytes());
  }
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, t.dims]));
  return { label: set.label, source: set.source, shapes, sha256: hash.digest('hex') };
}
