import type { NodeRef } from '../verify/layer-report.ts';
import type { Case, Report } from '../verify/report.ts';
import type { Finding } from '../verify/verdict.ts';
import { plural } from './format.ts';

/** How much a finding matters: what fails, what weakens, what is worth knowing. */
export type Level = 'error' | 'warning' | 'note';

/** Something to tell about one case of a report. */
export interface CaseFinding extends Finding {
  readonly level: Level;
  /** Name of the case; empty where it is about the whole report. */
  readonly case: string;
  /** The model that it is about, as the command line named it: B, or A where B did not load, or is no file, as the result of passes. */
  readonly file: string | undefined;
  /** Nodes of B that are to blame, where they are known. */
  readonly nodes: readonly NodeRef[];
}

/** Warnings that weaken nothing. */
const notes: ReadonlySet<string> = new Set(['baseline-smaller', 'software-adapter']);

/** Everything that a report has to tell, in its order. */
export function findingsOf(report: Report): CaseFinding[] {
  const all = (code: string, message: string): CaseFinding => ({
    level: 'error',
    case: '',
    file: undefined,
    nodes: [],
    code,
    where: 'report',
    message,
  });
  return [
    ...(report.cases.length === 0 ? [all('nothing-compared', 'there is no case in it')] : []),
    ...report.cases.flatMap(findingsOfCase),
    ...(report.complete ? [] : [all('interrupted', `${plural(report.cases.length, 'case')} done, and more to come`)]),
  ];
}

/** The model that a viewer can open. */
export const fileOf = ({ verdict: { a, b }, passes }: Case): string | undefined => ((passes ? a : b) ?? a)?.label;

export function findingsOfCase(one: Case): CaseFinding[] {
  const { name, verdict } = one;
  const { reasons, warnings } = verdict;
  const about = { case: name, file: fileOf(one), nodes: [] };
  return [
    ...reasons.map(r => ({ ...about, ...r, level: 'error' as const })),
    ...warnings.map(w => ({ ...about, ...w, level: notes.has(w.code) ? ('note' as const) : ('warning' as const) })),
  ];
}

/** `Conv /layer1/conv (fold-batch-norm of /layer1/bn)` */
export function nodeText({ name, operator, pass, from }: NodeRef): string {
  return `${operator} ${name}${pass ? ` (${pass}${from ? ` of ${from}` : ''})` : ''}`;
}
