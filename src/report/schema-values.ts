import { z } from 'zod';
import { optimizations } from '../runtime/optimization.ts';
import { dtypes, type KnownDType } from '../tensor/dtype.ts';

export const jsonNumber = z
  .union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])
  .meta({ id: 'number', description: 'A number; those that JSON cannot hold are spelled out.' });

export const count = z.int().nonnegative();
export const optimization = z.enum(optimizations).meta({ id: 'optimization' });
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const dtype = z
  .union([z.enum(Object.keys(dtypes) as [KnownDType, ...KnownDType[]]), z.templateLiteral(['dtype', z.number()])])
  .meta({ id: 'dtype', description: "Element type, under its name in ONNX's textual syntax." });

/** JSON has no undefined inside an array. */
const dim = z
  .union([count, z.string(), z.null()])
  .transform(d => d ?? undefined)
  .meta({ id: 'dim', description: 'A size, the name of an open one, or null for one that nothing is known of.' });

export const value = z
  .strictObject({ name: z.string(), dtype: dtype.optional(), shape: z.array(dim) })
  .meta({ id: 'value', description: 'An input or output; without dtype for sequences, maps and optionals.' });
