import type { FunnelOptions } from '../src/functions/funnel.ts';
import type { Pass } from '../src/rewrite/pass.ts';
import { dropIdentity } from './drop-identity.ts';
import { dropUnused } from './drop-unused.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { type FoldConstantsOptions, foldConstants } from './fold-constants.ts';
import { freezeInitializers } from './freeze-initializers.ts';
import { fuseFrelu } from './fuse-frelu.ts';
import { inlineFunctions } from './inline-functions.ts';
import { type LowerOptions, lowerFrelu } from './lower-frelu.ts';
import { type ReluToFreluOptions, reluToFrelu } from './relu-to-frelu.ts';

export type { FoldConstantsOptions, FunnelOptions, LowerOptions, ReluToFreluOptions };
export { dropIdentity, dropUnused, foldBatchNorm, foldConstants, freezeInitializers, fuseFrelu, inlineFunctions, lowerFrelu, reluToFrelu };

/** What passes may be told, all at once: each takes what it knows. */
export interface PassOptions extends ReluToFreluOptions, LowerOptions, FoldConstantsOptions {
  /** Names of overridable initializers to freeze; undefined means all. */
  readonly freeze?: string;
}

/** Every pass by its name, in the order a full run would apply them. */
export const passes: Readonly<Record<string, (options?: PassOptions) => Pass>> = {
  'freeze-initializers': o => freezeInitializers(o?.freeze),
  'inline-functions': () => inlineFunctions,
  'drop-identity': () => dropIdentity,
  'fold-constants': foldConstants,
  'relu-to-frelu': reluToFrelu,
  'fold-batch-norm': () => foldBatchNorm,
  'fuse-frelu': () => fuseFrelu,
  'lower-frelu': lowerFrelu,
  'drop-unused': () => dropUnused,
};

/** Named lists of passes. */
export const pipelines: Readonly<Record<string, readonly string[]>> = {
  /** A ReLU model into a FReLU model, to train on or to deploy. */
  convert: ['relu-to-frelu'],
  /** A trained model made ready to serve: nothing but exact passes. */
  deploy: ['drop-unused', 'drop-identity', 'fold-constants', 'fold-batch-norm', 'drop-identity', 'drop-unused'],
};
