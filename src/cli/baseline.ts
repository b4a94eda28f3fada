import { Option } from 'commander';
import type { DriftBaseline } from '../verify/known-drift.ts';
import type { Case } from '../verify/report.ts';
import { exitCodes, lineOf, usage } from './failure.ts';

/**
 * Baselines of `funnel verify` and `funnel ci`:
 *
 *     baselineOptions(): Option[]                             --baseline <file>, --update-baseline → BaselineFlags
 *     openBaseline(flags): Promise<OpenBaseline | undefined>  before the work
 *     judge(cases, opened): Promise<Judged>                   after it: the cases in the baseline's light, and what the exit code must be at least
 */
export interface BaselineFlags {
  readonly baseline?: string;
  readonly updateBaseline?: boolean;
}

export const baselineOptions = (): Option[] => [
  new Option('--baseline <file>', 'drift that is known and accepted, up to the sizes in this file'),
  new Option('--update-baseline', 'write what differs now into the file of --baseline, and accept it'),
];

export interface OpenBaseline {
  readonly path: string;
  readonly update: boolean;
  readonly known: DriftBaseline;
}

/** @throws FunnelError `E_BASELINE` for a file that is no baseline, which is never overwritten; `E_WRITE` where it can't be updated */
export async function openBaseline({ baseline: path, updateBaseline: update = false }: BaselineFlags): Promise<OpenBaseline | undefined> {
  if (path === undefined) {
    if (update) throw usage('--update-baseline needs --baseline FILE');
    return undefined;
  }
  if (path === '-') throw usage('--baseline needs a file');
  const [{ emptyBaseline, readBaseline }, { existsSync }] = await Promise.all([import('../verify/known-drift.ts'), import('node:fs')]);
  if (!existsSync(path)) {
    if (!update) throw usage(`${path}: there is no such file; --update-baseline writes it`);
    await (await import('../serde/write-file.ts')).checkWritable(path);
    return { path, update, known: emptyBaseline };
  }
  const { readText } = await import('../serde/file.ts');
  const known = readBaseline(await readText(path), path);
  if (update) await (await import('../serde/write-file.ts')).checkWritable(path);
  return { path, update, known };
}

export interface Judged {
  readonly cases: readonly Case[];
  readonly code: 0 | 2;
}

/** Applies a baseline, and updates it first where that was asked for and every question had an answer. */
export async function judge(cases: readonly Case[], opened: OpenBaseline | undefined): Promise<Judged> {
  if (!opened) return { cases, code: exitCodes.ok };
  const { applyBaseline } = await import('../verify/budget.ts');
  const { known, code } = opened.update ? await updated(cases, opened) : { known: opened.known, code: exitCodes.ok };
  return { cases: cases.map(c => ({ ...c, verdict: applyBaseline(c.verdict, c.name, known) })), code };
}

async function updated(cases: readonly Case[], { path, known }: OpenBaseline): Promise<{ known: DriftBaseline; code: 0 | 2 }> {
  const unanswered = cases.find(c => c.verdict.status !== 'same' && c.verdict.status !== 'different');
  if (unanswered) {
    process.stderr.write(`${lineOf(usage(`${path} stays as it is: ${unanswered.name} is ${unanswered.verdict.status}`))}\n`);
    return { known, code: exitCodes.badInput };
  }
  const [{ baselineOf }, { writeText }] = await Promise.all([import('../verify/known-drift.ts'), import('../serde/write-file.ts')]);
  const next = baselineOf(cases, known);
  try {
    await writeText(path, `${JSON.stringify(next, undefined, 2)}\n`);
  } catch (error) {
    process.stderr.write(`${lineOf(error)}\n`);
    return { known, code: exitCodes.badInput };
  }
  const all = next.entries.length;
  process.stderr.write(`funnel: ${path} accepts ${all} ${all === 1 ? 'difference' : 'differences'} now, ${known.entries.length} before\n`);
  return { known: next, code: exitCodes.ok };
}
