import type { FunnelOptions } from '../src/functions/funnel.ts';
import type { FoldOptions } from '../src/functions/layers.ts';
import type { Pass } from '../src/rewrite/pass.ts';
import { dropIdentity } from './drop-identity.ts';
import { dropUnused } from './drop-unused.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { type FoldConstantsOptions, foldConstants } from './fold-constants.ts';
import { foldShape } from './fold-shape.ts';
import { forceEval } from './force-eval.ts';
import { freezeInitializers } from './freeze-initializers.ts';
import { freluAfterShuffle } from './frelu-after-shuffle.ts';
import { type FreluToReluOptions, freluToRelu } from './frelu-to-relu.ts';
import { fuseFrelu } from './fuse-frelu.ts';
import { inlineForeign } from './inline-foreign.ts';
import { inlineFunctions } from './inline-functions.ts';
import { inlineIf } from './inline-if.ts';
import { type LowerOptions, lowerFrelu } from './lower-frelu.ts';
import { mergeInitializers } from './merge-initializers.ts';
import { mergeNodes } from './merge-nodes.ts';
import { type ReluToFreluOptions, reluToFrelu } from './relu-to-frelu.ts';
import { sumToAdd } from './sum-to-add.ts';

export type { FoldConstantsOptions, FoldOptions, FreluToReluOptions, FunnelOptions, LowerOptions, ReluToFreluOptions };
export {
  dropIdentity,
  dropUnused,
  foldBatchNorm,
  foldConstants,
  foldShape,
  forceEval,
  freezeInitializers,
  freluAfterShuffle,
  freluToRelu,
  fuseFrelu,
  inlineForeign,
  inlineFunctions,
  inlineIf,
  lowerFrelu,
  mergeInitializers,
  mergeNodes,
  reluToFrelu,
  sumToAdd,
};

/** What passes may be told, all at once: each takes what it knows. */
export interface PassOptions extends ReluToFreluOptions, FreluToReluOptions, LowerOptions, FoldConstantsOptions, FoldOptions {
  /** Names of overridable initializers to freeze; undefined means all. */
  readonly freeze?: string;
}

/** Every pass by its name, in the order a full run would apply them. */
export const passes: Readonly<Record<string, (options?: PassOptions) => Pass>> = {
  'freeze-initializers': o => freezeInitializers(o?.freeze),
  'force-eval': () => forceEval,
  'inline-foreign': () => inlineForeign,
  'inline-functions': () => inlineFunctions,
  'inline-if': () => inlineIf,
  'drop-identity': () => dropIdentity,
  'fold-shape': () => foldShape,
  'fold-constants': foldConstants,
  'relu-to-frelu': reluToFrelu,
  'fold-batch-norm': foldBatchNorm,
  'fuse-frelu': () => fuseFrelu,
  'frelu-after-shuffle': () => freluAfterShuffle,
  'lower-frelu': lowerFrelu,
  'frelu-to-relu': freluToRelu,
  'sum-to-add': () => sumToAdd,
  'merge-initializers': () => mergeInitializers,
  'merge-nodes': () => mergeNodes,
  'drop-unused': () => dropUnused,
};

/** Named lists of passes. */
export const pipelines: Readonly<Record<string, readonly string[]>> = {
  /** A ReLU model into a FReLU model, to train on or to deploy. */
  convert: ['relu-to-frelu'],
  /** A trained model made ready to serve: nothing but exact passes. */
  deploy: ['drop-unused', 'drop-identity', 'fold-shape', 'fold-constants', 'fold-batch-norm', 'drop-identity', 'drop-unused'],
  /** FReLU, however it is spelled, as calls of one function. */
  fuse: ['fold-shape', 'fold-constants', 'fuse-frelu', 'drop-unused'],
  /** FReLU in the form that is fastest where the model is to run. */
  lower: ['fold-shape', 'fold-constants', 'frelu-after-shuffle', 'lower-frelu', 'sum-to-add', 'drop-unused'],
  /** FReLU whose weights make it an ordinary activation back into that. */
  revert: ['fold-shape', 'fold-constants', 'frelu-to-relu', 'drop-unused'],
};
