import chalk from 'chalk';
import type { Case, Report } from '../verify/report.ts';
import type { Status } from '../verify/verdict.ts';
import { findingsOfCase } from './findings.ts';
import { plain, plural, sentence, tally } from './format.ts';
import { paint, verdictText, warningText } from './verdict-text.ts';

/**
 * A report for people: its first line is the answer. Of several cases, one line each, and all about those that are not the same;
 * `detail` says all about all. Colours as the terminal and NO_COLOR want them.
 */
export function reportText(report: Report, options: { readonly detail?: boolean } = {}): string {
  const [only, ...more] = report.cases;
  if (only && more.length === 0 && report.complete && !report.shard) return verdictText(only.verdict, options);
  const told = report.cases.filter(c => options.detail || c.verdict.status !== 'same');
  const sections = told.map(c => `${chalk.bold(plain(c.name))}\n${verdictText(c.verdict, options)}`);
  return [`${[headline(report), ...report.cases.map(c => caseLine(c, options))].join('\n')}\n`, ...sections].join('\n');
}

/** The answer in a line. */
export function headline(report: Report): string {
  const counts = tally(report.cases.map(c => c.verdict.status)).map(([status, n]) => `${n} ${status}`);
  return `${paint[report.status](report.status)}: ${[plural(report.cases.length, 'case'), ...counts].join(', ')}${remarks(report)}`;
}

/** What a reader of a headline should know besides. */
export function remarks({ shard, complete }: Report): string {
  return `${shard ? ` (part ${shard.index} of ${shard.count})` : ''}${complete ? '' : '; not complete: more was to come'}`;
}

const mark: Readonly<Record<Status, string>> = { same: '✓', different: '✗', inconclusive: '?', unavailable: '?', invalid: '✗' };

/** Warnings of one case in a list. */
const shown = 3;

/** One case in a line. Warnings that weaken an answer follow where nothing else tells of them, which is where the answer is `same`. */
export function caseLine(one: Case, { detail = false }: { readonly detail?: boolean } = {}): string {
  const { name, verdict } = one;
  const line = `  ${paint[verdict.status](mark[verdict.status])} ${plain(name)}  ${chalk.dim(sentence(verdict.summary))}`;
  const warnings = detail || verdict.status !== 'same' ? [] : findingsOfCase(one).filter(f => f.level === 'warning');
  const rest = warnings.length > shown ? [chalk.dim(`${warnings.length - shown} more; --detail lists all`)] : [];
  return [line, ...[...warnings.slice(0, shown).map(warningText), ...rest].map(text => `    ${text}`)].join('\n');
}
