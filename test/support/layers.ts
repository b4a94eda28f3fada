import type { Model } from '../../src/ir/model.ts';
import { encode } from '../../src/serde/model-file.ts';
import { parse } from '../../src/text/parse.ts';
import { type VerifyOptions, verify } from '../../src/verify/verify.ts';
import { runtime } from './runtime.ts';

/** One comparison, of one input, on the tests' own runtime. */
export const quick = { kinds: ['normal'], optimizations: ['disabled'], runtime } as const satisfies VerifyOptions;

/** Compares two models with their weights in them. */
export const check = (a: Model, b: Model, options: VerifyOptions = {}) =>
  verify({ bytes: encode(a, { inline: true }) }, { bytes: encode(b, { inline: true }) }, { ...quick, ...options });

/** Compares two models that are given as text. */
export const texts = (a: string, b: string, options?: VerifyOptions) => check(parse(a), parse(b), options);
