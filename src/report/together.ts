import type { PassReport } from '../rewrite/pass.ts';

/** A pass that a pipeline runs twice is told of once: all it did, and what it refused in the end. */
export function together(reports: readonly PassReport[]): PassReport[] {
  const byName = new Map<string, PassReport>();
  for (const report of reports) byName.set(report.pass, { ...report, fired: [...(byName.get(report.pass)?.fired ?? []), ...report.fired] });
  return [...byName.values()];
}
