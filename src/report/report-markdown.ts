import { nameOf } from '../verify/configuration.ts';
import type { Case, Report } from '../verify/report.ts';
import type { Status, Verdict } from '../verify/verdict.ts';
import { worstByOutput } from '../verify/worst.ts';
import { type CaseFinding, findingsOfCase, type Level, nodeText } from './findings.ts';
import { plural, tally } from './format.ts';
import { escaped, Page } from './markdown.ts';
import { remarks } from './report-text.ts';
import { measured, spell } from './results.ts';

/** A comment on GitHub takes 65,536 characters, which is the narrowest place that a report goes to. */
const limit = 60_000;

const icons: Readonly<Record<Status, string>> = { same: '✅', different: '❌', inconclusive: '⚠️', unavailable: '⚠️', invalid: '❌' };
const levels: Readonly<Record<Level, string>> = { error: '❌', warning: '⚠️', note: 'ℹ️' };

/**
 * A report for step summaries and comments on merge requests: the verdict first, then small tables, details folded up. What there is no
 * room for is counted.
 */
export function reportMarkdown(report: Report): string {
  const page = new Page(limit);
  const [only, ...more] = report.cases;
  if (only && more.length === 0) {
    page.add(`## ${icons[report.status]} ${escaped(only.verdict.summary)}${remarks(report)}\n\n${escaped(only.name)}\n`);
    caseSection(page, only);
    return page.toString();
  }
  const counts = tally(report.cases.map(c => c.verdict.status)).map(([status, n]) => `${n} ${status}`);
  page.add(
    `## ${icons[report.status]} ${report.status}: ${[plural(report.cases.length, 'case'), ...counts].join(', ')}${remarks(report)}\n`,
  );
  // Those that are to be looked at come first.
  const cases = [...report.cases].sort((x, y) => Number(x.verdict.same) - Number(y.verdict.same));
  const rows = cases.map(({ name, verdict }) => [icons[verdict.status], escaped(name), escaped(verdict.summary)]);
  page.table(['', 'case', 'verdict'], rows, 200);
  let left = 0;
  for (const c of cases) {
    if (left > 0 || !page.add(`### ${icons[c.verdict.status]} ${escaped(c.name)}\n`)) left++;
    else caseSection(page, c);
  }
  if (left > 0) page.close(`${plural(left, 'more case')} ${left === 1 ? 'has' : 'have'} no room here.\n`);
  return page.toString();
}

function caseSection(page: Page, c: Case): void {
  const { verdict } = c;
  findings(page, findingsOfCase(c));
  const configurations = verdict.configurations.map(g => [
    escaped(nameOf(g)),
    g.status === 'same' && g.identical ? 'same bits' : g.status,
    escaped(g.adapter ?? ''),
  ]);
  page.table(['configuration', 'result', 'adapter'], configurations, 20);
  outputs(page, verdict);
  layers(page, verdict);
  if (verdict.selfCheck) {
    const { detected, mutations } = verdict.selfCheck;
    page.add(`Self-check: ${detected} of ${plural(mutations.length, 'mutation')} detected.\n`);
  }
  differences(page, c);
  page.add(foot(verdict));
}

function findings(page: Page, all: readonly CaseFinding[]): void {
  const rows = all.map(f => [levels[f.level], escaped(f.where), escaped(f.message), escaped(f.code)]);
  page.table(['', 'where', 'what', 'code'], rows, 20);
}

function outputs(page: Page, { configurations }: Verdict): void {
  const worst = configurations.flatMap(g => worstByOutput(g.results).map(r => ({ g, r })));
  worst.sort((x, y) => Number(x.r.comparison.same) - Number(y.r.comparison.same));
  const rows = worst.map(({ g, r: { output, input, comparison: s, tolerance: t } }) => [
    escaped(nameOf(g)),
    escaped(output),
    escaped(input),
    measured(s, s.relativeL2),
    t.source === 'exact' ? 'exact' : spell(t.relativeL2),
    measured(s, s.maxAbs),
    s.violations === 0 ? '0' : `${s.violations} of ${s.elements}`,
    s.identical ? 'same bits' : s.same ? 'same' : s.reasons.join(', '),
  ]);
  page.details(
    `${plural(rows.length, 'comparison')}: each output at its worst input`,
    ['configuration', 'output', 'input', 'rel. L2', 'allowed', 'max abs', 'outside', 'result'],
    rows,
    50,
  );
}

function layers(page: Page, { layers: found }: Verdict): void {
  if (!found) return;
  const worst = [...found.layers].sort((x, y) => Number(x.status === 'same') - Number(y.status === 'same'));
  const rows = worst.map(l => [
    escaped(l.value),
    escaped(nodeText(l.node)),
    spell(l.local.relativeL2),
    spell(l.local.allowed),
    spell(l.accumulated.relativeL2),
    l.status,
  ]);
  const title = `${plural(rows.length, 'layer')} on ${nameOf(found)}, input ${found.input}`;
  page.details(escaped(title), ['value', 'node of B', 'alone', 'allowed', 'accumulated', 'result'], rows, 50);
  if (found.notes.length > 0)
    page.add(
      `${found.notes
        .slice(0, 5)
        .map(n => `- ${escaped(n)}`)
        .join('\n')}\n`,
    );
}

function differences(page: Page, { diff }: Case): void {
  if (!diff) return;
  const { nodes, weights } = diff;
  const line = (what: string, of: Record<'added' | 'removed' | 'changed' | 'renamed', readonly unknown[]> & { same: number }) => [
    what,
    ...[of.same, of.added.length, of.removed.length, of.changed.length, of.renamed.length].map(String),
  ];
  page.details(
    'What tells the models apart',
    ['', 'same', 'added', 'removed', 'changed', 'renamed'],
    [line('nodes', nodes), line('weights', weights)],
    2,
  );
}

function foot({ a, b, inputs, seed, environment, threads }: Verdict): string {
  const models = a && b ? `A (the reference): ${escaped(a.label)}. B: ${escaped(b.label)}. ` : '';
  const labels = inputs.map(i => i.label);
  const tried = labels.length > 12 ? `${labels.slice(0, 12).join(', ')}, … (${labels.length})` : labels.join(', ') || 'none';
  return `${models}Inputs: ${escaped(tried)} (seed ${seed}). onnxruntime-node ${escaped(environment.onnxruntime)}, ${escaped(environment.platform)}, ${plural(threads, 'thread')}.\n`;
}
