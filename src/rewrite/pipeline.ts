import { check } from '../ir/check.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Pass, PassReport } from './pass.ts';

export interface PipelineOptions {
  /** Checks ONNX's invariants after every pass; a failure is a bug of the pass. */
  readonly check?: boolean;
  /** Called before each pass. */
  readonly onPass?: (pass: Pass, index: number, total: number) => void;
}

export interface Rewritten {
  readonly model: Model;
  readonly report: readonly PassReport[];
}

/**
 * Runs passes one after another over a copy of `model`, which itself is never touched. When no pass fired, the model returned is
 * the one given, so that it is written byte for byte as it was read.
 * @throws InvalidModel when `check` finds a broken invariant; PassFailed when rules do not settle.
 */
export async function rewrite(model: Model, passes: readonly Pass[], options: PipelineOptions = {}): Promise<Rewritten> {
  const copy = cloneModel(model);
  const report: PassReport[] = [];
  for (const [i, pass] of passes.entries()) {
    options.onPass?.(pass, i, passes.length);
    report.push(await pass.run(copy));
    if (options.check) check(copy);
  }
  return { model: report.some(r => r.fired.length > 0) ? copy : model, report };
}
