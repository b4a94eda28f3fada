import chalk from 'chalk';
import type { PlannedCase } from '../ci/cases.ts';
import { runCase } from '../ci/run.ts';
import { plain } from '../report/format.ts';
import { caseLine, headline } from '../report/report-text.ts';
import { drawsModels } from '../report/reporters.ts';
import { verdictText } from '../report/verdict-text.ts';
import { Runtime, type RuntimeOptions } from '../runtime/session.ts';
import { type Case, exitCodeOfReport, type Report, reportOf } from '../verify/report.ts';
import { judge, type OpenBaseline } from './baseline.ts';
import { leaving } from './interrupt.ts';
import type { CommonFlags } from './options.ts';
import { say } from './output.ts';
import { progressBar } from './progress.ts';
import { takesStdout, type WantedReport, writeReports } from './reporting.ts';

export interface ComparingFlags extends CommonFlags {
  readonly shard?: Report['shard'];
  readonly failFast?: boolean;
  readonly detail?: boolean;
}

/** Makes the comparisons one after another and reports them. Whatever ends it early, what was found out is reported. Sets the exit code. */
export async function compareAll(
  planned: readonly PlannedCase[],
  limits: RuntimeOptions | undefined,
  wanted: readonly WantedReport[],
  flags: ComparingFlags,
  baseline: OpenBaseline | undefined,
): Promise<void> {
  let done: readonly Case[] = [];
  const report = (complete: boolean) => reportOf(done, { complete, ...(flags.shard && { shard: flags.shard }) });
  const tell = async (of: Report) => {
    conclude(of, wanted, flags);
    return writeReports(of, wanted, flags);
  };
  let open = true;
  const leave = () => {
    open = false;
    return tell(report(false));
  };
  const runtime = new Runtime(limits);
  const portrait = flags.json === true || drawsModels(wanted.map(w => w.format));
  try {
    await leaving(leave, async () => {
      for (const [i, one] of planned.entries()) {
        const found = await compareOne(one, runtime, `case ${i + 1} of ${planned.length}, ${one.name}`, portrait);
        // A baseline that is to be updated is so once, when all is known.
        const [result] = baseline?.update ? [found] : (await judge([found], baseline)).cases;
        if (!open || !result) return;
        done = [...done, result];
        if (!isQuiet(wanted, flags)) process.stdout.write(`${caseLine(result, flags)}\n`);
        if (flags.failFast && result.verdict.status !== 'same') return;
      }
    });
  } catch (error) {
    // A fault of ours loses nothing that was found out before it.
    await writeReports(report(false), wanted, flags);
    throw error;
  } finally {
    await runtime.close();
  }
  const complete = done.length === planned.length;
  const judged = baseline?.update && complete ? await judge(done, baseline) : { cases: done, code: 0 };
  done = judged.cases;
  const whole = report(complete);
  const least = await tell(whole);
  process.exitCode = Math.max(judged.code, least, exitCodeOfReport(whole));
}

async function compareOne(one: PlannedCase, runtime: Runtime, label: string, portrait: boolean): Promise<Case> {
  const progress = await progressBar();
  try {
    const onProgress = (done: number, total: number, what: string) => progress.update(done, total, `${label}: ${what}`);
    return await runCase(one, runtime, { onProgress, portrait });
  } finally {
    progress.stop();
  }
}

/** Lines for people have no place beside a document. */
const isQuiet = (wanted: readonly WantedReport[], flags: CommonFlags) => flags.json === true || takesStdout(wanted);

/** All about the cases that are not the same, and the answer as the last line, where people look. */
function conclude(report: Report, wanted: readonly WantedReport[], flags: ComparingFlags): void {
  if (takesStdout(wanted)) return;
  const told = report.cases.filter(c => flags.detail || c.verdict.status !== 'same');
  const sections = told.map(c => `\n${chalk.bold(plain(c.name))}\n${verdictText(c.verdict, flags)}`);
  say({ json: report, text: () => `${sections.join('')}${sections.length > 0 ? '\n' : ''}${headline(report)}\n` }, flags);
}
