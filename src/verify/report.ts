import type { Diff } from '../inspect/diff.ts';
import type { GraphPair } from '../inspect/sketch.ts';
import type { PassReport } from '../rewrite/pass.ts';
import { exitCodeOf, type Status, type Verdict } from './verdict.ts';

/** One comparison of a report. */
export interface Case {
  /** Unique within the report. */
  readonly name: string;
  readonly verdict: Verdict;
  /** What the passes that made B of A did, place by place, and what they left alone, and why; absent where B is a file of its own. */
  readonly passes?: readonly PassReport[];
  /** What tells the two models apart, where both could be read. */
  readonly diff?: Diff;
  /** The two graphs, for who draws them; see `sketchOf`. */
  readonly graphs?: GraphPair;
}

/** What CI keeps: verdicts of one or more comparisons. Plain JSON; deterministic but for `timings` inside the verdicts. */
export interface Report {
  readonly schema: 'onnx-funnel/report@1';
  /** The worst of all; not complete, it is at best `inconclusive`. */
  readonly status: Status;
  /** False where the run was interrupted or stopped early, or parts of it are missing: what is here holds, more was to come. */
  readonly complete: boolean;
  /** Which part of the work this is; undefined for all of it. */
  readonly shard?: { readonly index: number; readonly count: number; readonly plan?: Plan };
  readonly cases: readonly Case[];
}

/** All the cases that a run was to make, before it was taken apart. */
export interface Plan {
  readonly cases: number;
  /** SHA-256 over their names, in hexadecimal. */
  readonly sha256: string;
}

/** Worst last. */
const order: readonly Status[] = ['same', 'inconclusive', 'unavailable', 'different', 'invalid'];

/** A report of some cases. Without any, nothing was compared: `inconclusive`. */
export function reportOf(cases: readonly Case[], options: { readonly complete?: boolean; readonly shard?: Report['shard'] } = {}): Report {
  const { complete = true, shard } = options;
  const least: Status = complete && cases.length > 0 ? 'same' : 'inconclusive';
  const worst = Math.max(...[least, ...cases.map(c => c.verdict.status)].map(status => order.indexOf(status)));
  const status = order[worst]!;
  return { schema: 'onnx-funnel/report@1', status, complete, ...(shard && { shard }), cases };
}

/** Exit code for a report: that of its worst verdict; one that is not complete is at best inconclusive. */
export function exitCodeOfReport(report: Pick<Report, 'status' | 'complete'>): 0 | 1 | 2 | 3 {
  return exitCodeOf({ status: report.complete || report.status !== 'same' ? report.status : 'inconclusive' });
}
