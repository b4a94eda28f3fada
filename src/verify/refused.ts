import { type FunnelError, ProviderUnavailable } from '../errors.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { Verdict } from './verdict.ts';
import type { VerifyOptions } from './verify.ts';

/**
 * The verdict on models that can't be compared at all: a file that is missing or broken, an option that fits neither, a provider that is
 * not there. The error says why.
 * @param onnxruntime the runtime's version
 */
export function refused(error: FunnelError, options: VerifyOptions, onnxruntime: string): Verdict {
  const missing = error instanceof ProviderUnavailable || (error instanceof RuntimeFailure && error.kind !== 'error');
  const status = missing ? 'unavailable' : 'invalid';
  return {
    schema: 'onnx-funnel/verdict@1',
    status,
    same: false,
    summary: `${status}: ${error.message}`,
    reasons: [{ code: error.code, where: 'models', message: error.message }],
    warnings: [],
    a: undefined,
    b: undefined,
    excludedOutputs: [...(options.exclude ?? [])],
    reference: { model: 'a', provider: 'cpu', optimization: 'disabled' },
    seed: options.seed ?? 0,
    threads: options.threads ?? 1,
    equalNan: options.equalNan ?? false,
    inputs: [],
    configurations: [],
    environment: { onnxruntime, node: process.version, platform: `${process.platform}-${process.arch}` },
    timings: { total: 0, peakMemory: 0 },
  };
}
