import { Command, InvalidArgumentError, Option } from 'commander';
import type { InputKind } from '../../verify/inputs.ts';
import type { Case, Report } from '../../verify/report.ts';
import type { Verdict } from '../../verify/verdict.ts';
import type { VerifyOptions } from '../../verify/verify.ts';
import { type BaselineFlags, baselineOptions, judge, openBaseline } from '../baseline.ts';
import { exitCodes, lineOf, usage } from '../failure.ts';
import { checkNames } from '../names.ts';
import { addOptions, type CommonFlags, choice, examples, jsonOption, listOption, nonNegative, seedOption } from '../options.ts';
import { checkReports, reportOption, takesStdout, type WantedReport, writeReports } from '../reporting.ts';
import { type Shapes, shape } from '../shapes.ts';

interface Flags extends CommonFlags, BaselineFlags {
  readonly provider?: readonly string[];
  readonly optimization?: NonNullable<VerifyOptions['optimizations']>[number];
  readonly shape?: Shapes;
  readonly seed?: number;
  readonly atol?: number;
  readonly rtol?: number;
  readonly inputs?: readonly string[];
  readonly exclude?: readonly string[];
  readonly equalNan?: boolean;
  readonly timeout?: number;
  readonly detail?: boolean;
  readonly report?: readonly WantedReport[];
}

/** `funnel verify`: two models, one answer. */
export const verify = (): Command =>
  examples(
    addOptions(
      new Command('verify'),
      listOption(
        '--provider <a,b>',
        'execution providers to run B on: cpu, webgpu, cuda and what else ONNX Runtime has here (default: cpu)',
      ),
      choice('--optimization <level>', 'run at this level of graph optimisation only', ['disabled', 'basic', 'extended', 'all']),
      new Option('--shape <size>', 'sizes the models leave open: input:1x3x224x224, N=2, or N=1,4 for several; may be repeated').argParser(
        shape,
      ),
      listOption('--inputs <a,b>', 'kinds of generated inputs (default: all; on a software adapter normal and flips)'),
      seedOption('seed of the generated inputs (default: 0)'),
      new Option('--atol <x>', 'absolute tolerance, instead of the derived one').argParser(nonNegative),
      new Option('--rtol <x>', 'relative tolerance, instead of the derived one').argParser(nonNegative),
      listOption('--exclude <a,b>', 'outputs to leave out'),
      new Option('--equal-nan', 'NaN equals NaN'),
      new Option('--timeout <seconds>', 'how long one run may take (default: 300)').argParser(seconds),
      new Option('--detail', 'list every output under every input'),
      ...baselineOptions(),
      reportOption(),
      jsonOption(),
    )
      .description(
        'ask ONNX Runtime whether two models compute the same; the exit code is 0 for the same, 1 for different, 3 for a missing provider',
      )
      .argument('<a>', "the reference, run on the CPU without optimisation: .onnx, .onnxtxt, or '-'")
      .argument('<b>', 'the model to compare with it')
      .action(run),
    ['funnel verify resnet18.onnx frelu.onnx', 'on the CPU, unoptimised and optimised'],
    ['funnel verify a.onnx b.onnx --provider cpu,webgpu --shape N=1,4', 'on the GPU too, for two batch sizes'],
    ['funnel verify a.onnx b.onnx --json > verdict.json || exit 1', 'in CI'],
    ['funnel verify a.onnx b.onnx --report junit=verify.xml --report markdown', "test results, and GitHub's step summary"],
    [
      'funnel verify a.onnx int8.onnx --baseline drift.json --update-baseline',
      'accept what differs now; without the last option it may not grow',
    ],
  );

async function run(a: string, b: string, flags: Flags): Promise<void> {
  if (a === '-' && b === '-') throw usage("both models can't come from standard input");
  const { providerNames } = await import('../../runtime/providers.ts');
  checkNames('provider', flags.provider ?? [], providerNames);
  const { inputKinds } = await import('../../verify/inputs.ts');
  checkNames('kind of input', flags.inputs ?? [], inputKinds);
  const { report: wanted = [] } = flags;
  const baseline = await openBaseline(flags);
  await checkReports(wanted, { json: flags.json, files: [a, b, ...(baseline ? [baseline.path] : [])] });
  const [api, { progressBar }] = await Promise.all([import('../../api.ts'), import('../progress.ts')]);
  const progress = await progressBar();
  const found = await api.verify(a, b, { ...optionsOf(flags), onProgress: progress.update }).finally(() => progress.stop());
  const judged = await judge([{ name: `${a} → ${b}`, verdict: found }], baseline);
  const [{ verdict }] = judged.cases as readonly [Case];
  const written = wanted.length === 0 ? exitCodes.ok : await writeReports(await reportOn(judged.cases, [a, b]), wanted, flags);
  await report(verdict, [a, b], flags);
  process.exitCode = Math.max(judged.code, written, Number(process.exitCode));
}

/** A report, with what tells the models apart where both can be read once more. */
async function reportOn([only]: readonly Case[], [a, b]: readonly [string, string]): Promise<Report> {
  const [{ diff }, { reportOf }] = await Promise.all([import('../../api.ts'), import('../../verify/report.ts')]);
  const found = a === '-' || b === '-' ? undefined : await diff(a, b).catch(() => undefined);
  return reportOf([{ ...only!, ...(found && { diff: found }) }]);
}

function optionsOf({ provider, optimization, shape, inputs, seed, atol, rtol, exclude, equalNan, timeout }: Flags): VerifyOptions {
  return {
    ...(provider && { providers: provider }),
    ...(optimization && { optimizations: [optimization] }),
    ...(shape && { shapes: shape }),
    ...(inputs && { kinds: inputs as readonly InputKind[] }),
    ...(seed !== undefined && { seed }),
    ...((atol !== undefined || rtol !== undefined) && { tolerances: { atol, rtol } }),
    ...(exclude && { exclude }),
    ...(equalNan && { equalNan }),
    ...(timeout !== undefined && { runtime: { timeout: timeout * 1000 } }),
  };
}

async function report(verdict: Verdict, paths: readonly string[], flags: Flags): Promise<void> {
  const [{ exitCodeOf }, { verdictText }, { say }] = await Promise.all([
    import('../../verify/verdict.ts'),
    import('../../report/verdict-text.ts'),
    import('../output.ts'),
  ]);
  const code = exitCodeOf(verdict);
  if (!takesStdout(flags.report ?? []) && (code <= exitCodes.different || flags.json))
    say({ json: verdict, text: () => verdictText(verdict, { detail: flags.detail ?? false }) }, flags);
  if (code > exitCodes.different) process.stderr.write(`${lineOf(failureOf(verdict, paths))}\n`);
  process.exitCode = code;
}

/** The first reason, under the names that the models were given. */
function failureOf({ reasons, summary }: Verdict, [a, b]: readonly string[]): Error {
  const [reason] = reasons;
  if (!reason) return usage(summary);
  const { code, message, where } = reason;
  const label = where === 'A' ? a : where === 'B' ? b : where;
  const remedy = code === 'runtime-timeout' ? '; --timeout SECONDS gives it more' : '';
  // A missing provider names itself and its remedy.
  return usage((code === 'runtime-provider' || message.includes(String(label)) ? message : `${label}: ${message}`) + remedy);
}

function seconds(text: string): number {
  const n = nonNegative(text);
  if (n === 0) throw new InvalidArgumentError('It must be more than 0 seconds.');
  return n;
}
