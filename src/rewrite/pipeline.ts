import { PassFailed } from '../errors.ts';
import { check, problemsOf } from '../ir/check.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Pass, PassReport } from './pass.ts';

export interface PipelineOptions {
  /** Checks ONNX's invariants after every pass that fired; a failure is a bug of the pass. */
  readonly check?: boolean;
  /** Goes through the exact passes again until none fires, so that a second run would change nothing either. Others run once. */
  readonly fixpoint?: boolean;
  /** Called before each pass. */
  readonly onPass?: (pass: Pass, index: number, total: number) => void;
  /** Called after each pass that fired, with the model as it is then. */
  readonly onFired?: (pass: Pass, model: Model) => Promise<void>;
}

export interface Rewritten {
  readonly model: Model;
  readonly report: readonly PassReport[];
}

/** Rounds after which a list of passes that keep undoing each other's work is left as it is. */
const MAX_ROUNDS = 20;

/**
 * Runs passes one after another over a copy of `model`, which itself is never touched. When no pass fired, the model returned is
 * the one given, so that it is written byte for byte as it was read. A pass that runs again is reported once: all that it did, and
 * what it refused in the end.
 * @throws InvalidModel, before any pass runs, for a model that breaks ONNX's own rules; PassFailed when rules do not settle, or `check`
 * finds what a pass broke.
 */
export async function rewrite(model: Model, passes: readonly Pass[], options: PipelineOptions = {}): Promise<Rewritten> {
  check(model);
  const copy = cloneModel(model);
  const report: PassReport[] = [];
  /**
   * How often a pass has changed the model, now and when each pass last found nothing to do: what saw this very model need not see it again.
   * A pass that did something may find more, once the types of what it made are known.
   */
  let version = 0;
  const seen: number[] = [];
  for (let round = 0; round < (options.fixpoint ? MAX_ROUNDS : 1); round++) {
    const start = version;
    for (const [i, pass] of passes.entries()) {
      if (seen[i] === version || (round > 0 && pass.effect !== 'exact')) continue;
      if (round === 0) options.onPass?.(pass, i, passes.length);
      const last = await pass.run(copy);
      report[i] = { ...last, fired: [...(report[i]?.fired ?? []), ...last.fired] };
      if (last.fired.length > 0) version++;
      else seen[i] = version;
      if (last.fired.length === 0) continue;
      if (options.check) checkAfter(pass, copy);
      await options.onFired?.(pass, copy);
    }
    if (version === start) break;
  }
  return { model: report.some(r => r.fired.length > 0) ? copy : model, report };
}

/** The model was valid before the pass ran. @throws PassFailed */
function checkAfter(pass: Pass, model: Model): void {
  const [first] = problemsOf(model);
  if (first) throw new PassFailed(pass.name, first.where, `the model it made is invalid: ${first.message}`);
}
