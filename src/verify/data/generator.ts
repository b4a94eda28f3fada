import { FunnelError } from '../../errors.ts';
import type { ValueMetadata } from '../../runtime/session.ts';
import { within } from '../../runtime/time-limit.ts';
import { loadModule, thrown } from '../../serde/module-file.ts';
import { sizeOf } from '../../tensor/broadcast.ts';
import { type DType, dtypes, isFloat, isKnown } from '../../tensor/dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { InputSet } from '../inputs.ts';
import { checkFeeds } from './feeds.ts';
import { type Loading, readData } from './loading.ts';

/** What a generator is told. */
export interface GeneratorContext {
  /** The inputs that are to be fed; a size that the model leaves open is a symbol's name, or undefined. */
  readonly inputs: readonly ValueMetadata[];
  /** The same seed should give the same values. */
  readonly seed: number;
}

/** The values of one input, row-major. */
export interface GeneratedTensor {
  /** Default: the input's. */
  readonly dtype?: DType;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | boolean | string>;
}

/** One input set. */
export interface GeneratedInput {
  /** What reports call it; default: its number. */
  readonly label?: string;
  readonly feeds: Readonly<Record<string, GeneratedTensor | Tensor>>;
}

type Sets = Iterable<GeneratedInput> | AsyncIterable<GeneratedInput>;

/** What makes inputs: sets of values, one after the other, or a function of the model's inputs that gives them, such as a generator. */
export type InputGenerator = Sets | ((context: GeneratorContext) => Sets | Promise<Sets>);

/** The sets of a module's default export. @throws FunnelError */
export async function fromModule(path: string, loading: Loading): Promise<InputSet[]> {
  const [{ file }, generator] = [await readData(path), await within(loading.timeout, path, () => loadModule(path))];
  const sets = await fromGenerator(generator as InputGenerator, path, loading);
  return sets.map(set => ({ ...set, files: [file] }));
}

/**
 * The first sets that a generator gives, as many as the limit allows; `where` names it.
 * @throws FunnelError `E_GENERATOR` where it throws, or is none; `E_USAGE` for values that do not fit the model
 * @throws RuntimeFailure where it takes too long
 */
export function fromGenerator(generator: InputGenerator, where: string, loading: Loading): Promise<InputSet[]> {
  return within(loading.timeout, where, () => setsOf(generator, where, loading));
}

async function setsOf(generator: InputGenerator, where: string, loading: Loading): Promise<InputSet[]> {
  const { edges, seed, limit } = loading;
  const sets: InputSet[] = [];
  try {
    const given = typeof generator === 'function' ? await generator({ inputs: edges.inputs, seed }) : generator;
    if (!isIterable(given))
      throw failure(
        where,
        'gives nothing that can be gone through: export a generator, a list of input sets, or a function that returns one',
      );
    for await (const set of given) {
      if (sets.length === limit) {
        loading.warn({ code: 'data-limit', where, message: `only the first ${limit} input sets are run` });
        break;
      }
      sets.push(setOf(set, sets.length, where, loading));
    }
  } catch (error) {
    throw error instanceof FunnelError ? error : failure(where, `threw an error: ${thrown(error)}`, error);
  }
  if (sets.length === 0) throw failure(where, 'gave no input set');
  return sets;
}

const failure = (where: string, what: string, cause?: unknown) => new FunnelError('E_GENERATOR', `${where} ${what}`, { cause });

function isIterable(value: unknown): value is Sets {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

function setOf(set: unknown, index: number, where: string, { edges }: Loading): InputSet {
  const { label = String(index), feeds } = (isObject(set) ? set : {}) as Partial<GeneratedInput>;
  const place = `${where}: ${label}`;
  if (!isObject(feeds)) throw failure(where, `gave ${index + 1 === 1 ? 'a first' : `an ${index + 1}th`} input set without 'feeds'`);
  const values = Object.entries(feeds).map(([name, value]) => {
    const input = edges.inputs.find(i => i.name === name);
    return [name, tensorOf(value, input?.dtype ?? 'float', `${place}: input '${name}'`)] as const;
  });
  const tensors = checkFeeds(Object.fromEntries(values), edges.inputs, place);
  return { label: place, source: 'given', feeds: () => tensors };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;

function tensorOf(value: GeneratedTensor | Tensor, wanted: DType, where: string): Tensor {
  if (value instanceof Tensor) return value;
  const fail = (what: string): never => {
    throw new FunnelError('E_USAGE', `${where} ${what}`);
  };
  const { dtype = wanted, dims, data } = (isObject(value) ? value : {}) as Partial<GeneratedTensor>;
  if (!Array.isArray(dims) || !dims.every(d => Number.isSafeInteger(d) && d >= 0)) return fail("has no 'dims': whole numbers from 0 on");
  if (!isObject(data) || !Number.isSafeInteger((data as ArrayLike<unknown>).length)) return fail("has no 'data': numbers in an array");
  const values = data as ArrayLike<number | bigint | boolean | string>;
  if (values.length !== sizeOf(dims)) return fail(`has ${values.length} values, its dims [${dims}] want ${sizeOf(dims)}`);
  if (dtype === 'string')
    return Tensor.ofStrings(
      dims,
      Array.from(values, s => Buffer.from(String(s))),
    );
  if (!isKnown(dtype) || dtypes[dtype].bits < 8 || dtypes[dtype].kind === 'complex') return fail(`can't be made as ${dtype}`);
  const problem = isFloat(dtype) ? strayNumber(values) : strayInteger(values, dtype);
  if (problem !== undefined) return fail(`is ${dtype}, but value ${problem} is ${String(values[problem])}`);
  const wide = dtypes[dtype].bits === 64 && dtype !== 'double';
  return Tensor.of(dtype, dims, wide ? BigInt64Array.from(Array.from(values, v => BigInt(v))) : Float64Array.from(values, Number));
}

/** Index of the first value that is no number; NaN and infinities are. */
function strayNumber(values: ArrayLike<unknown>): number | undefined {
  const at = Array.prototype.findIndex.call(values, v => typeof v !== 'number' && typeof v !== 'bigint');
  return at < 0 ? undefined : at;
}

/** Index of the first value that an integer type, or bool, does not have. */
function strayInteger(values: ArrayLike<unknown>, dtype: DType): number | undefined {
  const { bits, kind } = dtypes[dtype as keyof typeof dtypes];
  const signed = dtype.startsWith('int');
  const [low, high] =
    kind === 'bool' ? [0n, 1n] : signed ? [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] : [0n, 2n ** BigInt(bits) - 1n];
  const at = Array.prototype.findIndex.call(values, v => {
    if (typeof v === 'boolean') return kind !== 'bool';
    return !(typeof v === 'bigint' || Number.isSafeInteger(v)) || BigInt(v as number) < low || BigInt(v as number) > high;
  });
  return at < 0 ? undefined : at;
}
