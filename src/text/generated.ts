import { DecodeError } from '../errors.ts';
import { sizeOf } from '../tensor/broadcast.ts';
import { type DType, dtypes, isFloat, isKnown } from '../tensor/dtype.ts';
import { encodeElements } from '../tensor/elements.ts';
import { normal, uniform } from '../tensor/random.ts';
import { type Storage, Tensor } from '../tensor/tensor.ts';

/** Elements whose place is in another file, which a text alone can't reach. It is printed as it was written. */
export class ElsewhereStorage implements Storage {
  readonly entries: ReadonlyMap<string, string>;
  readonly #name: string;

  constructor(name: string, entries: ReadonlyMap<string, string>) {
    this.#name = name;
    this.entries = entries;
  }

  bytes(): never {
    throw new DecodeError(
      'E_EXTERNAL',
      `the data of tensor '${this.#name}' is in '${this.entries.get('location')}', which a text alone can't reach`,
    );
  }
}

/** Elements computed when someone asks for them. */
class LazyStorage implements Storage {
  readonly #make: () => Uint8Array;
  #bytes: Uint8Array | undefined;

  constructor(make: () => Uint8Array) {
    this.#make = make;
  }

  bytes(): Uint8Array {
    this.#bytes ??= this.#make();
    return this.#bytes;
  }
}

/** The most elements that a text may ask for without spelling them out. */
const MAX_GENERATED = 2 ** 28;

/** What a location asks for, and the other entries it understands. */
const recipes = {
  'rand:normal': { keys: ['location', 'seed', 'mean', 'std', 'fan'], make: normalElements },
  'rand:uniform': { keys: ['location', 'seed', 'low', 'high'], make: uniformElements },
  fill: { keys: ['location'], make: fillElements },
} as const;

type Entries = ReadonlyMap<string, string>;

/**
 * The tensor that `["location": "…", …]` stands for. Three kinds of location are ours, and give the same numbers on every machine:
 *
 * | location | other entries | elements |
 * |---|---|---|
 * | `rand:normal` | seed, mean = 0, std = 1, or `"fan": "he"` for std = √(2 / (d₁·d₂·…)) | mean + std·N(0, 1) |
 * | `rand:uniform` | seed, low = 0, high = 1 | evenly spread over [low, high); integers: their floor |
 * | `fill:<number>` | | that number |
 *
 * Without a seed, the name of the tensor is the seed. Every other location is a file.
 * @throws RangeError saying what is wrong with the entries
 */
export function tensorAt(dtype: DType, dims: readonly number[], name: string, entries: Entries): Tensor {
  const location = entries.get('location');
  if (location === undefined) throw new RangeError('external data needs a "location"');
  const kind = location.startsWith('fill:') ? 'fill' : location;
  if (!Object.hasOwn(recipes, kind)) {
    if (location.startsWith('rand:')) throw new RangeError(`there is no "${location}": rand:normal and rand:uniform are known`);
    return Tensor.stored(dtype, dims, new ElsewhereStorage(name, entries));
  }
  const { keys, make } = recipes[kind as keyof typeof recipes];
  const known: readonly string[] = keys;
  const stranger = [...entries.keys()].find(key => !known.includes(key));
  if (stranger !== undefined) throw new RangeError(`${kind} has no "${stranger}": it takes ${known.slice(1).join(', ') || 'nothing else'}`);
  const kindOf = isKnown(dtype) ? dtypes[dtype].kind : 'other';
  if (kindOf !== 'float' && kindOf !== 'integer' && kindOf !== 'bool') throw new RangeError(`${kind} makes no ${dtype} elements`);
  if (sizeOf(dims) > MAX_GENERATED) throw new RangeError(`${kind} makes at most ${MAX_GENERATED} elements, not ${sizeOf(dims)}`);
  const elements = make(dtype, dims, name, entries);
  return Tensor.stored(dtype, dims, new LazyStorage(() => encodeElements(dtype, elements())));
}

function normalElements(dtype: DType, dims: readonly number[], name: string, entries: Entries): () => Float64Array {
  if (!isFloat(dtype)) throw new RangeError(`rand:normal makes no ${dtype} elements`);
  const fan = entries.get('fan');
  if (fan !== undefined && fan !== 'he') throw new RangeError(`there is no "fan": "${fan}": "he" is known`);
  if (fan !== undefined && entries.has('std')) throw new RangeError('"fan" and "std" both say the standard deviation');
  const std = fan === 'he' ? Math.sqrt(2 / Math.max(1, sizeOf(dims.slice(1)))) : numberAt(entries, 'std', 1);
  const mean = numberAt(entries, 'mean', 0);
  return () => normal(entries.get('seed') ?? name, sizeOf(dims)).map(x => mean + std * x);
}

function uniformElements(dtype: DType, dims: readonly number[], name: string, entries: Entries): () => Float64Array {
  const low = numberAt(entries, 'low', 0);
  const high = numberAt(entries, 'high', 1);
  if (low > high) throw new RangeError(`"low" ${low} is above "high" ${high}`);
  const draw = () => uniform(entries.get('seed') ?? name, sizeOf(dims), low, high);
  if (isFloat(dtype)) return draw;
  encodeElements(dtype, [Math.floor(low), Math.max(Math.floor(low), Math.ceil(high) - 1)]);
  return () => draw().map(Math.floor);
}

function fillElements(dtype: DType, dims: readonly number[], _name: string, entries: Entries): () => ArrayLike<number> {
  const text = entries.get('location')!.slice('fill:'.length);
  const x = Number(text);
  if (text.trim() === '' || Number.isNaN(x)) throw new RangeError(`fill wants a number, not "${text}"`);
  if (!isFloat(dtype) && !Number.isInteger(x)) throw new RangeError(`${text} is no ${dtype}`);
  encodeElements(dtype, [x]);
  return () => new Float64Array(sizeOf(dims)).fill(x);
}

function numberAt(entries: Entries, key: string, fallback: number): number {
  const text = entries.get(key);
  if (text === undefined) return fallback;
  const x = Number(text);
  if (text.trim() === '' || !Number.isFinite(x)) throw new RangeError(`"${key}" wants a number, not "${text}"`);
  return x;
}
