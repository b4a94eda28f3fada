import type { FunnelOptions } from '../src/functions/funnel.ts';
import type { FoldOptions } from '../src/functions/layers.ts';
import type { Pass } from '../src/rewrite/pass.ts';
import { dropIdentity } from './drop-identity.ts';
import { dropNoOp } from './drop-no-op.ts';
import { dropUnused } from './drop-unused.ts';
import { foldArithmetic } from './fold-arithmetic.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { foldBias } from './fold-bias.ts';
import { type FoldConstantsOptions, foldConstants } from './fold-constants.ts';
import { foldPad } from './fold-pad.ts';
import { foldShape } from './fold-shape.ts';
import { foldSizes } from './fold-sizes.ts';
import { foldTranspose } from './fold-transpose.ts';
import { forceEval } from './force-eval.ts';
import { freezeInitializers } from './freeze-initializers.ts';
import { freluAfterShuffle } from './frelu-after-shuffle.ts';
import { type FreluToReluOptions, freluToRelu } from './frelu-to-relu.ts';
import { fuseArithmetic } from './fuse-arithmetic.ts';
import { fuseBounds } from './fuse-bounds.ts';
import { fuseCasts } from './fuse-casts.ts';
import { fuseConcats } from './fuse-concats.ts';
import { fuseFrelu } from './fuse-frelu.ts';
import { fuseGelu } from './fuse-gelu.ts';
import { fuseHardSwish } from './fuse-hard-swish.ts';
import { fusePads } from './fuse-pads.ts';
import { fuseReductions } from './fuse-reductions.ts';
import { fuseReshapes } from './fuse-reshapes.ts';
import { fuseSlices } from './fuse-slices.ts';
import { fuseSwish } from './fuse-swish.ts';
import { fuseTransposes } from './fuse-transposes.ts';
import { inlineForeign } from './inline-foreign.ts';

import { inlineFunctions } from './inline-functions.ts';
import { inlineIf } from './inline-if.ts';
import { type LowerOptions, lowerFrelu } from './lower-frelu.ts';
import { matMulToGemm } from './mat-mul-to-gemm.ts';
import { mergeInitializers } from './merge-initializers.ts';
import { mergeNodes } from './merge-nodes.ts';
import { type ReluToFreluOptions, reluToFrelu } from './relu-to-frelu.ts';
import { sumToAdd } from './sum-to-add.ts';

export type { FoldConstantsOptions, FoldOptions, FreluToReluOptions, FunnelOptions, LowerOptions, ReluToFreluOptions };
export {
  dropIdentity,
  dropNoOp,
  dropUnused,
  foldArithmetic,
  foldBatchNorm,
  foldBias,
  foldConstants,
  foldPad,
  foldShape,
  foldSizes,
  foldTranspose,
  forceEval,
  freezeInitializers,
  freluAfterShuffle,
  freluToRelu,
  fuseArithmetic,
  fuseBounds,
  fuseCasts,
  fuseConcats,
  fuseFrelu,
  fuseGelu,
  fuseHardSwish,
  fusePads,
  fuseReductions,
  fuseReshapes,
  fuseSlices,
  fuseSwish,
  fuseTransposes,
  inlineForeign,
  inlineFunctions,
  inlineIf,
  lowerFrelu,
  matMulToGemm,
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
  'drop-no-op': () => dropNoOp,
  'fuse-transposes': () => fuseTransposes,
  'fuse-reductions': () => fuseReductions,
  'fuse-reshapes': () => fuseReshapes,
  'fuse-slices': () => fuseSlices,
  'fuse-concats': () => fuseConcats,
  'fuse-casts': () => fuseCasts,
  'fuse-bounds': () => fuseBounds,
  'fuse-pads': () => fusePads,
  'fold-shape': () => foldShape,
  'fold-sizes': () => foldSizes,
  'fold-constants': foldConstants,
  'relu-to-frelu': reluToFrelu,
  'fold-batch-norm': foldBatchNorm,
  'fold-arithmetic': foldArithmetic,
  'fold-bias': foldBias,
  'fold-pad': () => foldPad,
  'fuse-arithmetic': () => fuseArithmetic,
  'mat-mul-to-gemm': () => matMulToGemm,
  'fold-transpose': () => foldTranspose,
  'fuse-hard-swish': () => fuseHardSwish,
  'fuse-gelu': () => fuseGelu,
  'fuse-swish': () => fuseSwish,
  'fuse-frelu': () => fuseFrelu,
  'frelu-after-shuffle': () => freluAfterShuffle,
  'lower-frelu': lowerFrelu,
  'frelu-to-relu': freluToRelu,
  'sum-to-add': () => sumToAdd,
  'merge-initializers': () => mergeInitializers,
  'merge-nodes': () => mergeNodes,
  'drop-unused': () => dropUnused,
};

/** What does nothing goes, what is known is computed, two in a row become one: no result changes. */
const clean = [
  'inline-foreign',
  'drop-unused',
  'drop-identity',
  'drop-no-op',
  'fold-shape',
  'fold-constants',
  'fold-sizes',
  'inline-if',
  'fuse-transposes',
  'fuse-reshapes',
  'fuse-reductions',
  'fuse-slices',
  'fuse-concats',
  'fuse-casts',
  'fuse-bounds',
  'fuse-pads',
];
/**
 * Layers take in what surrounds them. Activations that are spelled out are looked for first: folds would take them apart. `fuse-swish` is
 * not among them: not every ONNX Runtime has a kernel for Swish.
 */
const folds = [
  'fold-batch-norm',
  'fuse-hard-swish',
  'fuse-gelu',
  'fold-arithmetic',
  'fold-bias',
  'fold-pad',
  'fuse-arithmetic',
  'mat-mul-to-gemm',
  'fold-transpose',
];
const lower = ['frelu-after-shuffle', 'lower-frelu', 'sum-to-add'];
/** What is there twice is shared, in the end: a layer with two uses takes nothing in. */
const merge = ['merge-initializers', 'merge-nodes', 'drop-unused'];

/** Named lists of passes. Exact passes of a list are gone through until none fires: a second run changes nothing. */
export const pipelines: Readonly<Record<string, readonly string[]>> = {
  convert: ['relu-to-frelu'],
  simplify: [...clean, ...merge],
  train: ['inline-if', 'fold-shape', 'drop-unused'],
  fold: [...clean, ...folds, ...merge],
  deploy: [...clean, ...folds, ...lower, ...merge],
  fuse: ['fold-shape', 'fold-constants', 'fuse-frelu', 'drop-unused'],
  lower: ['fold-shape', 'fold-constants', ...lower, 'drop-unused'],
  revert: ['fold-shape', 'fold-constants', 'frelu-to-relu', 'drop-unused'],
};

/** What each of them is for. */
export const pipelineSummaries: Readonly<Record<keyof typeof pipelines, string>> = {
  convert: 'A ReLU model into a FReLU model, to train on or to deploy.',
  simplify: 'Exact clean-up: what does nothing goes, what is known is computed, what is there twice is shared.',
  train: 'Clean-up for a model that is to be trained: BatchNormalization, Dropout and all weights stay what they are, and apart.',
  fold: 'Simplified, and folded for inference: layers take in normalizations, arithmetic and padding around them.',
  deploy: 'Folded, and FReLU in the form that is fastest where the model is to run.',
  fuse: 'FReLU, however it is spelled, as calls of one function.',
  lower: 'FReLU in the form that is fastest where the model is to run.',
  revert: 'FReLU whose weights make it an ordinary activation back into that.',
};

/**
 * The passes of a pipeline, for `rewrite` with `fixpoint`.
 * @throws RangeError when there is no pipeline of that name.
 */
export function pipeline(name: string, options?: PassOptions): Pass[] {
  const names = pipelines[name];
  if (!names) throw new RangeError(`there is no pipeline '${name}'; there are ${Object.keys(pipelines).join(', ')}`);
  return names.map(pass => passes[pass]!(options));
}
