import type { Model } from '../ir/model.ts';
import type { ValueType } from '../ir/value.ts';
import type { ValueMetadata } from '../runtime/session.ts';
import { fingerprintOf } from '../tensor/fingerprint.ts';
import { printType } from '../text/print-type.ts';
import { mapsOf } from './zip-map.ts';

/** What a model says of its edges that ONNX Runtime's API does not tell. */
export interface Declared {
  /** Inputs that a caller may leave out; ONNX Runtime lists only those that must be fed. */
  readonly defaults: readonly Default[];
  /** Types of inputs and outputs that are no tensors, such as `seq(map(int64, float))`, by name. */
  readonly types: ReadonlyMap<string, string>;
  /** The names in the maps that outputs are made of, by output. */
  readonly names: ReadonlyMap<string, string>;
}

/** An input with a default, which is told by its fingerprint. */
export interface Default extends ValueMetadata {
  readonly fallback: string;
}

/** @throws DecodeError when a default lies in a file that is not there */
export function declaredOf({ graph }: Model): Declared {
  const defaults = graph.inputs.flatMap(({ name, type, definition }): Default[] => {
    const fallback = definition.kind === 'input' ? definition.fallback : undefined;
    if (!fallback) return [];
    const shape = (type?.kind === 'tensor' && type.shape) || fallback.dims;
    return [{ name, dtype: fallback.dtype, shape, fallback: fingerprintOf(fallback) }];
  });
  const types = [...graph.inputs, ...graph.outputs].flatMap(({ name, type }): [string, string][] =>
    type && type.kind !== 'tensor' && type.kind !== 'other' ? [[name, printType(withoutShapes(type))]] : [],
  );
  const maps = graph.outputs.flatMap(output => {
    const found = mapsOf(output);
    return found ? [{ output: output.name, ...found }] : [];
  });
  return {
    defaults,
    types: new Map([...types, ...maps.map(m => [m.output, m.type] as const)]),
    names: new Map(maps.map(m => [m.output, m.names])),
  };
}

/** Sizes inside of sequences and maps are written, or not, as it pleases whoever writes the file. */
function withoutShapes(type: ValueType): ValueType {
  switch (type.kind) {
    case 'tensor':
    case 'sparse':
      return { ...type, shape: [] };
    case 'other':
      return type;
    default:
      return { ...type, of: withoutShapes(type.of) };
  }
}
