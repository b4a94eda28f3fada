import type { Dim, ValueType } from '../ir/value.ts';
import { nameOfDType, plainName } from './words.ts';

/** A type as the text writes it; one that the IR does not model is `opaque()`. */
export function printType(type: ValueType): string {
  switch (type.kind) {
    case 'tensor':
      return nameOfDType(type.dtype) + printShape(type.shape);
    case 'sparse':
      return `sparse_tensor(${nameOfDType(type.dtype)}${printShape(type.shape)})`;
    case 'sequence':
      return `seq(${printType(type.of)})`;
    case 'optional':
      return `optional(${printType(type.of)})`;
    case 'map':
      return `map(${nameOfDType(type.key)}, ${printType(type.of)})`;
    case 'other':
      return 'opaque()';
  }
}

function printShape(shape: readonly Dim[] | undefined): string {
  if (!shape) return '[]';
  return shape.length === 0 ? '' : `[${shape.map(printDim).join(',')}]`;
}

function printDim(dim: Dim): string {
  if (dim === undefined) return '?';
  return typeof dim === 'number' ? String(dim) : plainName(dim);
}
