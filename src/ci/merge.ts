import { FunnelError } from '../errors.ts';
import { plural } from '../report/format.ts';
import { type Plan, type Report, reportOf } from '../verify/report.ts';
import { interleave, mostShards, planOf, sizeOfShard } from './shard.ts';

/** A report, and what errors call it. */
export interface Part {
  readonly label: string;
  readonly report: Report;
}

/**
 * Joins the reports of all parts of one run into the report of the whole: that of a run that was never taken apart, timings aside.
 * @param allowMissing whether parts may be missing; the report is not complete then
 * @throws FunnelError `E_USAGE` for reports that are not parts of one plan, parts that lack cases, the same part or case twice, and parts that
 * are missing
 */
export function mergeReports(parts: readonly Part[], options: { readonly allowMissing?: boolean } = {}): Report {
  const byIndex = new Map<number, Part>();
  const count = countOf(parts);
  for (const part of parts) {
    const { index } = part.report.shard!;
    const before = byIndex.get(index);
    if (before) throw usage(`${part.label} and ${before.label} are both part ${index} of ${count}`);
    byIndex.set(index, part);
  }
  const plan = checkPlans(parts);
  checkNames(parts);
  const missing = Array.from({ length: count }, (_, i) => i + 1).filter(index => !byIndex.has(index));
  if (missing.length > 0 && !options.allowMissing)
    throw usage(`${missingText(missing, count)}; --allow-missing makes an incomplete report of the others`);
  const cases = interleave(new Map([...byIndex].map(([index, { report }]) => [index, report.cases])), count);
  const complete = missing.length === 0 && parts.every(p => p.report.complete);
  if (complete && planOf(cases.map(c => c.name)).sha256 !== plan.sha256)
    throw usage('the parts have other cases than the plan that they are of: make them anew');
  return reportOf(cases, { complete });
}

/** Which parts there should be and are not. */
export function missingText(missing: readonly number[], count: number): string {
  return `${missing.length === 1 ? 'part' : 'parts'} ${missing.join(', ')} of ${count} ${missing.length === 1 ? 'is' : 'are'} missing`;
}

function countOf(parts: readonly Part[]): number {
  const [first] = parts;
  if (!first) throw usage('there is no report to merge');
  for (const { label, report } of parts) {
    const { shard } = report;
    if (!shard) throw usage(`${label} is no part of a run: 'funnel ci --shard 1/${Math.max(2, parts.length)}' makes parts`);
    if (shard.count > mostShards)
      throw usage(`${label} says that it is one of ${shard.count} parts, of which there are ${mostShards} at most`);
    if (shard.index < 1 || shard.index > shard.count) throw usage(`${label} says that it is part ${shard.index} of ${shard.count}`);
    const { count } = first.report.shard!;
    if (shard.count !== count) throw usage(`${first.label} is a part of ${count}, ${label} of ${shard.count}: they are of different runs`);
  }
  return first.report.shard!.count;
}

/** Parts of different plans fit together by chance at best: cases of either would be lost. */
function checkPlans(parts: readonly Part[]): Plan {
  const plans = parts.map(({ label, report: { shard, cases, complete } }) => {
    const { index, count, plan } = shard!;
    if (!plan) throw usage(`${label} does not say which plan it is a part of: an older onnx-funnel wrote it; make all parts anew`);
    const size = sizeOfShard(plan, { index, count });
    if (complete ? cases.length !== size : cases.length > size)
      throw usage(`${label} has ${plural(cases.length, 'case')}, but part ${index} of ${count} of ${plan.cases} has ${size}`);
    return { label, plan };
  });
  const { label, plan } = plans[0]!;
  const other = plans.find(p => p.plan.cases !== plan.cases || p.plan.sha256 !== plan.sha256);
  if (!other) return plan;
  const how = other.plan.cases === plan.cases ? 'of other names' : `of ${other.plan.cases}`;
  throw usage(
    `${label} is a part of ${plural(plan.cases, 'case')}, ${other.label} ${how}: make all parts of one configuration, with the same --only`,
  );
}

function checkNames(parts: readonly Part[]): void {
  const seen = new Map<string, string>();
  for (const { label, report } of parts) {
    for (const { name } of report.cases) {
      const before = seen.get(name);
      if (before !== undefined) throw usage(`case '${name}' is in ${before === label ? `${label} twice` : `${before} and in ${label}`}`);
      seen.set(name, label);
    }
  }
}

const usage = (message: string) => new FunnelError('E_USAGE', message);
