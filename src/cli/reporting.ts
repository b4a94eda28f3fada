import { InvalidArgumentError, Option } from 'commander';
import { FunnelError } from '../errors.ts';
import { type Format, formats, type ReporterOptions } from '../report/reporters.ts';
import type { Report } from '../verify/report.ts';
import { exitCodes, lineOf, usage } from './failure.ts';
import { unknownName } from './names.ts';

/**
 * Reports of `funnel verify`, `funnel ci`, `funnel merge-reports` and `funnel bench`:
 *
 *     reportOption(): Option                          --report <format[=path]>, which may be repeated → WantedReport[]
 *     checkReports(wanted, taken): Promise<void>      before the work: can they be written?
 *     takesStdout(wanted): boolean                    whether one takes the place of the text
 *     writeReports(report, wanted, options): Promise<0 | 2>   after it; what the exit code must be at least
 *
 * `documentOption` and `writeDocuments` are the same for documents of other formats.
 */
export interface WantedReport<F extends string = Format> {
  readonly format: F;
  /** `-` for standard output; undefined for where the format is at home: GitHub's step summary, or its log. */
  readonly path: string | undefined;
}

export const reportOption = () => documentOption('a report for CI, written besides', formats);

/** `--report` for documents of some formats. */
export function documentOption<F extends string>(description: string, formats: readonly F[]): Option {
  const option = new Option('--report <format=path>', `${description}: ${formats.join(', ')}; '-' for standard output; may be repeated`);
  return option.argParser((text, previous: readonly WantedReport<F>[] = []) => [...previous, wantedDocument(text, formats)]);
}

/** Documents that GitHub's runner takes without a path: in a file that it names, and among what is printed. */
const atHome: readonly string[] = ['markdown', 'github'];
const isLog = (format: string) => format === 'github';

function wantedDocument<F extends string>(text: string, formats: readonly F[]): WantedReport<F> {
  const [, name = '', path] = /^([^=]*)(?:=(.*))?$/s.exec(text)!;
  const format = formats.find(f => f === name);
  if (!format) throw unknownName('format of reports', name, formats);
  if (path === '' || (path === undefined && !atHome.includes(format)))
    throw new InvalidArgumentError(`It has no path: ${format}=FILE, or ${format}=- for standard output.`);
  return { format, path };
}

/** Whether a report goes to standard output in place of the text. */
export const takesStdout = (wanted: readonly WantedReport<string>[]): boolean => wanted.some(w => w.path === '-');

/** What is not free for reports: standard output, where `--json` takes it, and files that are read. */
export interface Taken {
  readonly json?: boolean | undefined;
  readonly files: readonly string[];
}

/**
 * Looks before the work whether all reports can be written.
 * @throws FunnelError `E_USAGE` where two want the same place, or one that of a file that is read, `E_WRITE` where one can't be written
 */
export async function checkReports(wanted: readonly WantedReport<string>[], { json, files }: Taken): Promise<void> {
  if (wanted.length === 0) return;
  const { checkTextWritable, targetOf } = await import('../serde/write-file.ts');
  const onStdout = wanted.filter(w => w.path === '-' || (w.path === undefined && isLog(w.format)));
  if (onStdout.length + (json ? 1 : 0) > 1)
    throw usage(
      `${json ? '--json' : `--report ${nameOf(onStdout[0]!)}`} and --report ${nameOf(onStdout.at(-1)!)} both want standard output`,
    );
  const used = new Map<string, string>();
  for (const file of files) if (file !== '-') used.set(await targetOf(file), `${file} is read`);
  for (const report of wanted) {
    const path = pathOf(report);
    if (path === '-') continue;
    const target = await targetOf(path);
    const before = used.get(target);
    if (before) throw usage(`--report ${nameOf(report)} would overwrite another file: ${before}`);
    await checkTextWritable(path);
    used.set(target, `--report ${nameOf(report)} is written there`);
  }
}

/** Where `--data` reads: a path as it is, or behind the input's name. */
export const filesOfData = (data: readonly unknown[] = []): string[] =>
  data.flatMap(item => (typeof item === 'string' ? [item, item.slice(item.indexOf('=') + 1)] : []));

/** Writes reports as `writeDocuments` does. */
export function writeReports(report: Report, wanted: readonly WantedReport[], options: ReporterOptions = {}): Promise<0 | 2> {
  return writeDocuments(wanted, async format => (await import('../report/reporters.ts')).render(report, format, options));
}

/**
 * Writes documents, those for standard output last. One that can't be written is told in a line, and keeps none of the others.
 * @returns what the exit code must be at least: a lost report is never success
 */
export async function writeDocuments<F extends string>(
  wanted: readonly WantedReport<F>[],
  render: (format: F) => Promise<string>,
): Promise<0 | 2> {
  if (wanted.length === 0) return exitCodes.ok;
  const { appendFile, writeText } = await import('../serde/write-file.ts');
  let code: 0 | 2 = exitCodes.ok;
  for (const one of [...wanted].sort((x, y) => Number(pathOf(x) === '-') - Number(pathOf(y) === '-'))) {
    const path = pathOf(one);
    const text = await render(one.format);
    try {
      if (path === '-') process.stdout.write(text);
      else if (one.path === undefined) await appendFile(path, text);
      else await writeText(path, text);
    } catch (error) {
      if (!(error instanceof FunnelError)) throw error;
      process.stderr.write(`${lineOf(new FunnelError(error.code, `no ${one.format} report: ${error.message}`))}\n`);
      code = exitCodes.badInput;
    }
  }
  return code;
}

const nameOf = ({ format, path }: WantedReport<string>) => (path === undefined ? format : `${format}=${path}`);

/** @throws FunnelError `E_USAGE` where GitHub's runner does not say where its step summary is */
function pathOf({ format, path }: WantedReport<string>): string {
  if (path !== undefined) return path;
  if (isLog(format)) return '-';
  const summary = process.env.GITHUB_STEP_SUMMARY;
  if (!summary)
    throw usage(`--report ${format} needs a path outside of GitHub's runner: ${format}=FILE, or ${format}=- for standard output`);
  return summary;
}
