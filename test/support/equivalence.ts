import type { Model } from '../../src/ir/model.ts';
import { type Optimization, Runtime, type Tensors } from '../../src/runtime/session.ts';
import { encode } from '../../src/serde/model-file.ts';
import type { Verdict } from '../../src/verify/verdict.ts';
import { type VerifyOptions, verify } from '../../src/verify/verify.ts';

const runtime = new Runtime();

/** Compares two models on ONNX Runtime's CPU provider, unoptimised and optimised, or as `options` say. */
export async function compare(a: Model, b: Model, options: VerifyOptions = {}): Promise<Verdict> {
  return verify(
    { bytes: encode(a, { inline: true }), label: 'before' },
    { bytes: encode(b, { inline: true }), label: 'after' },
    { runtime, ...options },
  );
}

/** What a model's outputs are for one set of inputs, on one thread of the CPU. */
export async function outputsOf(model: Model, feeds: Tensors, optimization: Optimization): Promise<Tensors> {
  const { outputs } = await runtime.run({ model: { bytes: encode(model, { inline: true }) }, optimization, threads: 1, feeds: [feeds] });
  return outputs[0]!;
}

export const closeRuntime = () => runtime.close();

let webgpu: Promise<boolean> | undefined;

/** Whether there is a WebGPU adapter; says so loudly where there is none. @throws Error where FUNNEL_REQUIRE_WEBGPU asks for one. */
export function hasWebgpu(): Promise<boolean> {
  webgpu ??= runtime.probe('webgpu').then(probe => {
    if (probe.available) return true;
    if (process.env.FUNNEL_REQUIRE_WEBGPU) throw new Error(`WebGPU is required here: ${probe.why}; ${probe.remedy}`);
    console.warn(`SKIPPED: WebGPU tests: ${probe.why}; ${probe.remedy}`);
    return false;
  });
  return webgpu;
}
