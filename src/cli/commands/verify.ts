import { Command, InvalidArgumentError, Option } from 'commander';
import { type Optimization, optimizations } from '../../runtime/optimization.ts';
import { type Precision, precisions } from '../../tensor/dtype.ts';
import type { InputKind } from '../../verify/inputs.ts';
import type { Case, Report } from '../../verify/report.ts';
import type { Verdict } from '../../verify/verdict.ts';
import type { VerifyOptions } from '../../verify/verify.ts';
import { type BaselineFlags, baselineOptions, judge, openBaseline } from '../baseline.ts';
import { exitCodes, lineOf, usage } from '../failure.ts';
import { leaving } from '../interrupt.ts';
import { checkNames } from '../names.ts';
import {
  addOptions,
  bytes,
  type CommonFlags,
  choice,
  examples,
  jsonOption,
  listOption,
  nonNegative,
  seedOption,
  wholeNumber,
} from '../options.ts';
import { provideOwnModules } from '../own-modules.ts';
import { checkReports, filesOfData, reportOption, takesStdout, type WantedReport, writeReports } from '../reporting.ts';
import { type Shapes, shape } from '../shapes.ts';
import { counts, divisors, fraction, numbers, paths, type Tolerances, tolerance, tolerancesOf } from '../verifying.ts';

interface Flags extends CommonFlags, BaselineFlags {
  readonly provider?: readonly string[];
  readonly optimization?: readonly string[];
  readonly data?: readonly string[];
  readonly limit?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly shape?: Shapes;
  readonly seed?: number;
  readonly atol?: Tolerances;
  readonly rtol?: Tolerances;
  readonly precision?: Precision;
  readonly topK?: readonly number[];
  readonly minAgreement?: number;
  readonly inputs?: readonly string[];
  readonly exclude?: readonly string[];
  readonly equalNan?: boolean;
  readonly timeout?: number;
  readonly selfCheck?: boolean;
  readonly bisect?: boolean;
  readonly layers?: boolean;
  readonly failures?: string;
  readonly memory?: number;
  readonly threads?: number;
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
      listOption(
        '--optimization <a,b>',
        'levels of graph optimisation to run B at: disabled, basic, extended, all (default: all, and on cpu disabled too)',
      ),
      new Option('--shape <size>', 'sizes the models leave open: input:1x3x224x224, N=2, or N=1,4 for several; may be repeated').argParser(
        shape,
      ),
      new Option(
        '--data <what>',
        "inputs of yours: .npy, .npz, .safetensors, .pb, an image, a folder of images or of ONNX's test data, a module that makes inputs; x=FILE for one input of several; may be repeated",
      ).argParser(paths),
      new Option('--limit <number>', 'how many inputs one folder or module may give (default: 16)').argParser(wholeNumber(1)),
      new Option('--mean <a,b,c>', "what is taken off an image's channels, of 1 (default: ImageNet's)").argParser(numbers),
      new Option('--std <a,b,c>', "what they are divided by (default: ImageNet's)").argParser(divisors),
      listOption(
        '--inputs <a,b>',
        'kinds of generated inputs: normal, uniform, large, tiny, zeros, flips, edges (default: all, or none beside --data; on a software adapter normal and flips)',
      ),
      seedOption('seed of the generated inputs (default: 0)'),
      new Option('--atol <x>', 'absolute tolerance, instead of the derived one; output:1e-4 for one output; may be repeated').argParser(
        tolerance,
      ),
      new Option('--rtol <x>', 'relative tolerance, likewise').argParser(tolerance),
      choice(
        '--precision <type>',
        'the floating type that the models compute in, from which tolerances are derived (default: what A says, for each output)',
        precisions,
      ),
      new Option('--top-k <a,b>', 'how far the largest elements of each row agree, such as 1,5').argParser(counts),
      new Option(
        '--min-agreement <x>',
        'least agreement of these, 0 to 1, that counts as the same, beside the tolerances (default: any)',
      ).argParser(fraction),
      listOption('--exclude <a,b>', 'outputs, and inputs with a default, to leave out'),
      new Option('--equal-nan', 'NaN equals NaN'),
      new Option('--timeout <seconds>', 'how long one run may take (default: 300)').argParser(seconds),
      new Option('--self-check', 'break B on purpose, in a few ways, and see that the comparison notices'),
      new Option('--bisect', 'where they differ, find the first nodes of B that compute something else, and the pass that made them'),
      new Option('--layers', 'compare layer by layer as well, each fed with the values of A: finds what outputs hide'),
      new Option(
        '--failures <folder>',
        'write the smallest subgraphs that differ (a.onnx, b.onnx) and their inputs here, in place of those of an earlier run; includes --bisect',
      ),
      new Option('--memory <bytes>', 'how much memory ONNX Runtime may take, such as 4GiB (default: three quarters of it)').argParser(
        bytes,
      ),
      new Option('--threads <number>', 'threads inside an operator (default: 1, which makes results repeatable)').argParser(wholeNumber(1)),
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
    ['funnel verify a.onnx b.onnx --failures smallest', 'the nodes to blame, and the smallest subgraphs that show it'],
    ['funnel verify a.onnx b.onnx --data photos --top-k 1,5', 'on images, and how far the classes that come out first agree'],
    ['funnel verify a.onnx b.onnx --json > verdict.json || exit 1', 'in CI'],
    ['funnel verify a.onnx b.onnx --report junit=verify.xml --report markdown', "test results, and GitHub's step summary"],
    [
      'funnel verify a.onnx int8.onnx --baseline drift.json --update-baseline',
      'accept what differs now; without the last option it may not grow',
    ],
  );

async function run(a: string, b: string, flags: Flags): Promise<void> {
  if ([a, b, ...(flags.data ?? [])].filter(path => path === '-').length > 1) throw usage('only one file can come from standard input');
  if (flags.minAgreement !== undefined && !flags.topK) throw usage('--min-agreement is about rankings: add --top-k, such as --top-k 1,5');
  const idle = (['limit', 'mean', 'std'] as const).find(name => flags[name] !== undefined && !flags.data);
  if (idle) throw usage(`--${idle} is about inputs of yours: add --data, such as --data photos`);
  const { providerNames } = await import('../../runtime/providers.ts');
  checkNames('provider', flags.provider ?? [], providerNames);
  checkNames('level of optimisation', flags.optimization ?? [], optimizations);
  const { inputKinds } = await import('../../verify/inputs.ts');
  checkNames('kind of input', flags.inputs ?? [], inputKinds);
  if (flags.failures === '') throw usage('--failures needs a folder');
  const { report: wanted = [] } = flags;
  const baseline = await openBaseline(flags);
  await checkReports(wanted, { json: flags.json, files: [a, b, ...filesOfData(flags.data), ...(baseline ? [baseline.path] : [])] });
  const [api, { progressBar }] = await Promise.all([import('../../api.ts'), import('../progress.ts')]);
  const progress = await progressBar();
  await provideOwnModules();
  const work = () => api.verify(a, b, { ...optionsOf(flags), onProgress: progress.update }).finally(() => progress.stop());
  const found = await leaving(() => writeUnfinished(wanted, flags), work);
  const judged = await judge([{ name: `${a} → ${b}`, verdict: found }], baseline);
  const [{ verdict }] = judged.cases as readonly [Case];
  const written = wanted.length === 0 ? exitCodes.ok : await writeReports(await reportOn(judged.cases, [a, b], wanted), wanted, flags);
  await report(verdict, [a, b], flags);
  process.exitCode = Math.max(judged.code, written, Number(process.exitCode));
}

/** What is left of a run that was interrupted: reports that say so. */
async function writeUnfinished(wanted: readonly WantedReport[], flags: Flags): Promise<void> {
  const { reportOf } = await import('../../verify/report.ts');
  await writeReports(reportOf([], { complete: false }), wanted, flags);
}

/** A report, with what tells the models apart where a format shows it, and both can be read once more. */
async function reportOn([only]: readonly Case[], [a, b]: readonly [string, string], wanted: readonly WantedReport[]): Promise<Report> {
  const [{ portrait }, { reportOf }, { drawsModels }] = await Promise.all([
    import('../../api.ts'),
    import('../../verify/report.ts'),
    import('../../report/reporters.ts'),
  ]);
  // Standard input is read once.
  const drawn = drawsModels(wanted.map(w => w.format)) && a !== '-' && b !== '-';
  return reportOf([{ ...only!, ...(drawn && (await portrait(a, b))) }]);
}

function optionsOf(flags: Flags): VerifyOptions {
  const { provider, optimization, shape, data, limit, mean, std, inputs, seed, exclude, topK, minAgreement, equalNan, threads } = flags;
  const { timeout, memory, selfCheck, bisect, layers, failures } = flags;
  return {
    ...(provider && { providers: provider }),
    ...(optimization && { optimizations: optimization as readonly Optimization[] }),
    ...(shape && { shapes: shape }),
    ...(inputs && { kinds: inputs as readonly InputKind[] }),
    ...(seed !== undefined && { seed }),
    ...(data && { data }),
    ...(limit !== undefined && { limit }),
    ...((mean || std) && { images: { mean, std } }),
    tolerances: tolerancesOf(flags.atol, flags.rtol),
    ...(flags.precision && { precision: flags.precision }),
    ...(topK && { topK }),
    ...(minAgreement !== undefined && { minAgreement }),
    ...(threads !== undefined && { threads }),
    ...(exclude && { exclude }),
    ...(equalNan && { equalNan }),
    ...(selfCheck && { selfCheck }),
    ...(bisect && { bisect }),
    ...(layers && { layers }),
    ...(failures !== undefined && { failures }),
    runtime: { ...(timeout !== undefined && { timeout: timeout * 1000 }), ...(memory !== undefined && { memoryLimit: memory }) },
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

/** Reasons in ONNX Runtime's own words. */
const runtimeErrors = new Set(['load', 'unsupported-op', 'not-implemented', 'shape', 'other'].map(category => `runtime-${category}`));

/** The first reason, under the names that the models were given. */
function failureOf({ reasons, summary }: Verdict, [a, b]: readonly string[]): Error {
  const [reason] = reasons;
  if (!reason) return usage(summary);
  const { code, message, where } = reason;
  const label = where === 'A' ? a : where === 'B' ? b : where;
  const remedies: Readonly<Record<string, string>> = {
    'runtime-timeout': '; --timeout SECONDS gives it more',
    'runtime-memory': '; --memory BYTES gives it more',
  };
  const remedy = remedies[code] ?? '';
  // A missing provider names itself and its remedy.
  const named = code === 'runtime-provider' || message.includes(String(label));
  return usage(`${named ? '' : `${label}: `}${runtimeErrors.has(code) ? 'ONNX Runtime says: ' : ''}${message}${remedy}`);
}

function seconds(text: string): number {
  const n = nonNegative(text);
  if (n === 0) throw new InvalidArgumentError('It must be more than 0 seconds.');
  return n;
}
