import { Command, InvalidArgumentError, Option } from 'commander';
import type { BenchOptions } from '../../measure/bench.ts';
import type { Measurement } from '../../measure/measurement.ts';
import { optimizations } from '../../runtime/optimization.ts';
import { usage } from '../failure.ts';
import { leaving } from '../interrupt.ts';
import { checkNames, unknownName } from '../names.ts';
import { addOptions, type CommonFlags, choice, examples, jsonOption, listOption, positive, seedOption, wholeNumber } from '../options.ts';
import { type Shapes, shape } from '../shapes.ts';

/** What a measurement can be written as. Each format loads what it needs when it is asked for. */
const formats = {
  html: async (measurement: Measurement) => (await import('../../report/html/bench.tsx')).benchHtml(measurement),
  json: async (measurement: Measurement) => `${JSON.stringify(measurement, undefined, 2)}\n`,
};

interface Wanted {
  readonly format: keyof typeof formats;
  readonly file: string;
}

interface Flags extends CommonFlags {
  readonly provider?: readonly string[];
  readonly optimization?: NonNullable<BenchOptions['optimizations']>[number];
  readonly runs?: number;
  readonly seconds?: number;
  readonly launches?: number;
  readonly threads?: number;
  readonly shape?: Shapes;
  readonly seed?: number;
  readonly maxRatio?: number;
  readonly maxMemoryRatio?: number;
  readonly timeout?: number;
  readonly report?: readonly Wanted[];
}

/** `funnel bench`: what two models take, side by side. */
export const bench = (): Command =>
  examples(
    addOptions(
      new Command('bench'),
      listOption('--provider <a,b>', 'execution providers to run on: cpu, webgpu, cuda and what else ONNX Runtime has here (default: cpu)'),
      choice('--optimization <level>', 'level of graph optimisation (default: all)', optimizations),
      new Option('--runs <number>', 'rounds; each runs both models (default: 20, or what --seconds leaves time for)').argParser(
        wholeNumber(1),
      ),
      new Option('--seconds <number>', 'how long to go on, six rounds at least, for each provider and size').argParser(positive),
      new Option('--launches <number>', 'how often the processes are launched anew, to share the rounds (default: 3)').argParser(
        wholeNumber(1),
      ),
      new Option('--threads <number>', "threads inside an operator (default: ONNX Runtime's choice)").argParser(wholeNumber(1)),
      new Option('--shape <size>', 'sizes the models leave open: input:1x3x224x224, N=1, or N=1,4 for several; may be repeated').argParser(
        shape,
      ),
      seedOption('seed of the inputs (default: 0)'),
      new Option('--max-ratio <number>', "exit with 1 when B takes more than this times A's time, beyond doubt").argParser(positive),
      new Option('--max-memory-ratio <number>', "exit with 1 when B takes more than this times A's peak memory").argParser(positive),
      new Option('--timeout <seconds>', 'how long one run may take (default: 300)').argParser(positive),
      new Option(
        '--report <format=file>',
        'a report written besides: html=bench.html, with the distributions; json=bench.json; may be repeated',
      ).argParser(reports),
      jsonOption(),
    )
      .description(
        'measure how long two models take and what memory, run in turn on the same inputs, each in a process of its own; the exit code is 1 where B exceeds a budget, 3 for a missing provider',
      )
      .argument('<a>', "the model to compare with: .onnx, .onnxtxt, or '-'")
      .argument('<b>', 'the model that is measured against it')
      .action(run),
    ['funnel bench resnet18.onnx deploy.onnx --shape N=1', "on the CPU, with ONNX Runtime's own choice of threads"],
    ['funnel bench a.onnx b.onnx --provider cpu,webgpu --seconds 30', 'on the GPU too, half a minute on each'],
    ['funnel bench a.onnx b.onnx --report html=bench.html', 'with a page that shows the distributions'],
    ['funnel bench main.onnx branch.onnx --max-ratio 1.05 --max-memory-ratio 1.1', 'a budget in CI'],
  );

async function run(a: string, b: string, flags: Flags): Promise<void> {
  if (a === '-' && b === '-') throw usage("both models can't come from standard input");
  const { providerNames } = await import('../../runtime/providers.ts');
  checkNames('provider', flags.provider ?? [], providerNames);
  await checkReports(flags.report ?? [], [a, b]);
  // All of it now: an interrupted process is to report at once.
  const [api, { exitCodeOf }, { benchText }, { say }, { progressBar }, { writeText }] = await Promise.all([
    import('../../api.ts'),
    import('../../measure/measurement.ts'),
    import('../../report/bench-text.ts'),
    import('../output.ts'),
    import('../progress.ts'),
    import('../../serde/write-file.ts'),
  ]);
  const progress = await progressBar();
  const controller = new AbortController();
  const measuring = api
    .bench(a, b, { ...optionsOf(flags), signal: controller.signal, onProgress: progress.update })
    .finally(() => progress.stop());
  const report = async () => {
    const measurement = await measuring;
    for (const { format, file } of flags.report ?? []) await writeText(file, await formats[format](measurement));
    say({ json: measurement, text: colors => benchText(measurement, colors) }, flags);
    process.exitCode = exitCodeOf(measurement);
  };
  // What was measured until a signal came is reported.
  const leave = () => {
    controller.abort();
    return report();
  };
  await leaving(leave, () => measuring);
  await report();
}

/** Looks before the work whether reports can be written. @throws FunnelError `E_WRITE`, or `E_USAGE` where a model would be lost. */
async function checkReports(wanted: readonly Wanted[], models: readonly string[]): Promise<void> {
  const { checkWritable, targetOf } = await import('../../serde/write-file.ts');
  const read = await Promise.all(models.filter(model => model !== '-').map(targetOf));
  for (const { file } of wanted) {
    if (read.includes(await targetOf(file))) throw usage(`--report would overwrite a model: ${file}`);
    await checkWritable(file);
  }
}

/** `html=bench.html`; what was given before stays. */
function reports(text: string, previous: readonly Wanted[] = []): Wanted[] {
  const [, name = '', file = ''] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
  const known = Object.keys(formats) as Wanted['format'][];
  const format = known.find(word => word === name);
  if (name === '' || file === '-') throw new InvalidArgumentError('It must be a format and a file, such as html=bench.html.');
  if (!format) throw unknownName('format of a report', name, known);
  return [...previous, { format, file }];
}

function optionsOf(flags: Flags): BenchOptions {
  const { provider, optimization, runs, seconds, launches, threads, shape, seed, maxRatio, maxMemoryRatio, timeout } = flags;
  return {
    ...(provider && { providers: provider }),
    ...(optimization && { optimizations: [optimization] }),
    ...(runs !== undefined && { runs }),
    ...(seconds !== undefined && { seconds }),
    ...(launches !== undefined && { launches }),
    ...(threads !== undefined && { threads }),
    ...(shape && { shapes: shape }),
    ...(seed !== undefined && { seed }),
    ...(maxRatio !== undefined && { maxRatio }),
    ...(maxMemoryRatio !== undefined && { maxMemoryRatio }),
    ...(timeout !== undefined && { runtime: { timeout: timeout * 1000 } }),
  };
}
