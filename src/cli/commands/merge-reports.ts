import { Command, Option } from 'commander';
import { usage } from '../failure.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';
import { checkReports, reportOption, takesStdout, type WantedReport, writeReports } from '../reporting.ts';

interface Flags extends CommonFlags {
  readonly output?: string;
  readonly allowMissing?: boolean;
  readonly detail?: boolean;
  readonly report?: readonly WantedReport[];
}

/** `funnel merge-reports`: the parts of a run become one report. */
export const mergeReports = (): Command =>
  examples(
    addOptions(
      new Command('merge-reports'),
      new Option('-o, --output <file>', "where the merged report goes, as JSON; '-' for standard output"),
      new Option('--allow-missing', 'make an incomplete report where parts are missing; it is never the same'),
      new Option('--detail', 'tell all about each comparison'),
      reportOption(),
      jsonOption(),
    )
      .description("join the JSON reports of 'funnel ci --shard'; the exit code is that of the whole")
      .argument('<reports...>', 'the reports of all parts, in any order')
      .action(run),
    ['funnel merge-reports shard-*.json -o report.json', 'as if one machine had made all comparisons'],
    ['funnel merge-reports shard-*.json --report html=report.html --report junit=report.xml', 'for people, and for CI'],
  );

async function run(paths: readonly string[], flags: Flags): Promise<void> {
  const output: WantedReport[] = flags.output === undefined ? [] : [{ format: 'json', path: flags.output }];
  const wanted = [...output, ...(flags.report ?? [])];
  await checkReports(wanted, { json: flags.json, files: paths });
  const [{ mergeReports: merge }, { readReport }, { readText }, { exitCodeOfReport }] = await Promise.all([
    import('../../ci/merge.ts'),
    import('../../report/schema.ts'),
    import('../../serde/file.ts'),
    import('../../verify/report.ts'),
  ]);
  if (paths.includes('-')) throw usage("reports can't come from standard input: name their files");
  const parts = await Promise.all(paths.map(async path => ({ label: path, report: readReport(await readText(path), path) })));
  const report = merge(parts, { allowMissing: flags.allowMissing ?? false });
  if (!takesStdout(wanted)) {
    const [{ say }, { reportText }] = await Promise.all([import('../output.ts'), import('../../report/report-text.ts')]);
    say({ json: report, text: () => reportText(report, { detail: flags.detail ?? false }) }, flags);
  }
  const least = await writeReports(report, wanted, flags);
  process.exitCode = Math.max(least, exitCodeOfReport(report));
}
