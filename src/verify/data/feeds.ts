import { FunnelError } from '../../errors.ts';
import { unknownName } from '../../known-names.ts';
import type { Tensors, ValueMetadata } from '../../runtime/session.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { spell } from '../interface.ts';

/**
 * Holds values against the inputs that they are for: names, element types, shapes.
 * @throws FunnelError `E_USAGE` for the first that does not fit, and for an input without a value; `where` says whose values they are
 */
export function checkFeeds(feeds: Tensors, inputs: readonly ValueMetadata[], where: string): Tensors {
  const names = inputs.map(i => i.name);
  for (const name of Object.keys(feeds)) if (!names.includes(name)) throw unknownName('input', name, names, where);
  const symbols = new Map<string, Size>();
  for (const input of inputs) {
    const value = Object.hasOwn(feeds, input.name) ? feeds[input.name] : undefined;
    if (!value) throw new FunnelError('E_USAGE', `${where}: input '${input.name}' is not fed`);
    const problem = problemOf(value, input, symbols);
    if (problem) throw new FunnelError('E_USAGE', `${where}: input '${input.name}' ${problem}`);
  }
  return feeds;
}

/** What a symbolic dimension was found to be, and where. */
interface Size {
  readonly size: number;
  readonly input: string;
}

/** Why a value does not fit an input; undefined where it does. */
function problemOf(value: Tensor, { name, dtype, shape }: ValueMetadata, symbols: Map<string, Size>): string | undefined {
  if (dtype === undefined) return 'is no tensor, which only the models themselves can make';
  if (value.dtype !== dtype) return `is ${dtype}, the data are ${value.dtype}: convert them first`;
  // [] says nothing: a scalar and an unknown rank look alike.
  if (shape.length === 0) return undefined;
  const ours = spell(value.dims);
  if (shape.length !== value.rank) return `has ${shape.length} dimensions ${spell(shape)}, the data have ${value.rank} ${ours}`;
  for (const [i, wanted] of shape.entries()) {
    const size = value.dims[i]!;
    if (typeof wanted === 'number' && wanted !== size)
      return `is ${spell(shape)}, the data are ${ours}: dimension ${i} is ${size}, not ${wanted}`;
    if (typeof wanted !== 'string') continue;
    const known = symbols.get(wanted);
    if (known && known.size !== size)
      return `is ${spell(shape)}, the data are ${ours}: dimension ${i} is ${size}, but ${wanted} is ${known.size} in input '${known.input}'`;
    symbols.set(wanted, { size, input: name });
  }
  return undefined;
}

/**
 * The only input, for data that name none.
 * @throws FunnelError `E_USAGE` where there are several, or none
 */
export function onlyInput(inputs: readonly ValueMetadata[], path: string): ValueMetadata {
  const [only] = inputs;
  if (only && inputs.length === 1) return only;
  if (!only) throw new FunnelError('E_USAGE', `${path}: the model has no inputs to feed`);
  const names = inputs.map(i => i.name);
  throw new FunnelError('E_USAGE', `${path}: which of the inputs ${names.join(', ')} is it for? write ${names[0]}=${path}`);
}
