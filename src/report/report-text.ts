import chalk from 'chalk';
import type { Case, Report } from '../verify/report.ts';
import type { Status } from '../verify/verdict.ts';
import { plain, plural, sentence, tally } from './format.ts';
import { paint, verdictText } from './verdict-text.ts';

/**
 * A report for people: its first line is the answer. Of several cases, one line each, and all about those that are not the same;
 * `detail` says all about all. Colours as the terminal and NO_COLOR want them.
 */
export function reportText(report: Report, options: { readonly detail?: boolean } = {}): string {
  const [only, ...more] = report.cases;
  if (only && more.length === 0 && report.complete && !report.shard) return verdictText(only.verdict, options);
  const told = report.cases.filter(c => options.detail || c.verdict.status !== 'same');
  const sections = told.map(c => `${chalk.bold(plain(c.name))}\n${verdictText(c.verdict, options)}`);
  return [`${[headline(report), ...report.cases.map(caseLine)].join('\n')}\n`, ...sections].join('\n');
}

/** The answer in a line. */
export function headline(report: Report): string {
  const counts = tally(report.cases.map(c => c.verdict.status)).map(([status, n]) => `${n} ${status}`);
  return `${paint[report.status](report.status)}: ${[plural(report.cases.length, 'case'), ...counts].join(', ')}${remarks(report)}`;
}

/** What a reader of a headline should know besides. */
export function remarks({ shard, complete }: Report): string {
  return `${shard ? ` (part ${shard.index} of ${shard.count})` : ''}${complete ? '' : '; the run was interrupted: more was to come'}`;
}

const mark: Readonly<Record<Status, string>> = { same: '✓', different: '✗', inconclusive: '?', unavailable: '?', invalid: '✗' };

/** One case in a line. */
export function caseLine({ name, verdict }: Case): string {
  return `  ${paint[verdict.status](mark[verdict.status])} ${plain(name)}  ${chalk.dim(sentence(verdict.summary))}`;
}
