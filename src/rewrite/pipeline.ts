import { check } from '../ir/check.ts';
import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import type { Pass, PassReport } from './pass.ts';

export interface PipelineOptions {
  /** Checks ONNX's invariants after every pass; a failure is a bug of the pass. */
  readonly check?: boolean;
  /** Goes through the exact passes again until none fires, so that a second run would change nothing either. Others run once. */
  readonly fixpoint?: boolean;
  /** Called before each pass. */
  readonly onPass?: (pass: Pass, index: number, total: number) => void;
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
 * @throws InvalidModel when `check` finds a broken invariant; PassFailed when rules do not settle.
 */
export async function rewrite(model: Model, passes: readonly Pass[], options: PipelineOptions = {}): Promise<Rewritten> {
  const copy = cloneModel(model);
  const report: PassReport[] = [];
  /** How often a pass has changed the model, now and after each pass last ran: what saw this very model need not see it again. */
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
      seen[i] = version;
      if (options.check) check(copy);
    }
    if (version === start) break;
  }
  return { model: report.some(r => r.fired.length > 0) ? copy : model, report };
}
