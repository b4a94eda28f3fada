import type { Model } from '../../src/ir/model.ts';
import { Runtime } from '../../src/runtime/session.ts';
import { encode } from '../../src/serde/model-file.ts';
import type { Verdict } from '../../src/verify/verdict.ts';
import { verify } from '../../src/verify/verify.ts';

/** Compares two models on ONNX Runtime's CPU provider, unoptimised and optimised. */
export async function compareOnCpu(a: Model, b: Model): Promise<Verdict> {
  return verify({ bytes: encode(a), label: 'before' }, { bytes: encode(b), label: 'after' }, { providers: ['cpu'] });
}

let webgpu: Promise<boolean> | undefined;

/** Whether there is a WebGPU adapter; says so once where there is none. */
export function hasWebgpu(): Promise<boolean> {
  webgpu ??= (async () => {
    const runtime = new Runtime();
    try {
      const probe = await runtime.probe('webgpu');
      if (!probe.available) console.warn(`SKIPPED: WebGPU tests: ${probe.why}; ${probe.remedy}`);
      return probe.available;
    } finally {
      await runtime.close();
    }
  })();
  return webgpu;
}
