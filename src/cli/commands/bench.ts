import { Command, Option } from 'commander';
import type { BenchOptions } from '../../measure/bench.ts';
import type { Measurement } from '../../measure/measurement.ts';
import { optimizations } from '../../runtime/optimization.ts';
import { usage } from '../failure.ts';
import { leaving } from '../interrupt.ts';
import { checkNames } from '../names.ts';
import { addOptions, type CommonFlags, choice, examples, jsonOption, listOption, positive, seedOption, wholeNumber } from '../options.ts';
import { checkReports, documentOption, takesStdout, type WantedReport, writeDocuments } from '../reporting.ts';
import { type Shapes, shape } from '../shapes.ts';

/** What a measurement can be written as. Each format loads what it needs when it is asked for. */
const formats = {
  html: async (measurement: Measurement) => (await import('../../report/html/bench.tsx')).benchHtml(measurement),
  json: async (measurement: Measurement) => `${JSON.stringify(measurement, undefined, 2)}\n`,
};

type Format = keyof typeof formats;

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
  readonly report?: readonly WantedReport<Format>[];
}

/** `funnel bench`: what two models take, side by side. */
export const bench = (): Command =>
  examples(
    addOptions(
      new Command('bench'),
      listOption('--provider <a,b>', 'execution providers to run on: cpu, webgpu, cuda and what else ONNX Runtime has here (default: cpu)'),
      choice('--optimization <level>', 'level of graph optimisation (default: all)', optimizations),
      new Option('--runs <number>', 'rounds; each runs both models (default: 24, or what --seconds leaves time for)').argParser(
        wholeNumber(1),
      ),
      new Option('--seconds <number>', 'how long to go on, six rounds at least, for each provider and size').argParser(positive),
      new Option(
        '--launches <number>',
        'how often the processes are launched anew, to share the rounds; fewer than 6 tell no difference (default: 6)',
      ).argParser(wholeNumber(1)),
      new Option('--threads <number>', "threads inside an operator (default: ONNX Runtime's choice)").argParser(wholeNumber(1)),
      new Option('--shape <size>', 'sizes the models leave open: input:1x3x224x224, N=1, or N=1,4 for several; may be repeated').argParser(
        shape,
      ),
      seedOption('seed of the inputs (default: 0)'),
      new Option('--max-ratio <number>', "exit with 1 when B takes more than this times A's time, beyond doubt").argParser(positive),
      new Option('--max-memory-ratio <number>', "exit with 1 when B takes more than this times A's peak memory").argParser(positive),
      new Option('--timeout <seconds>', 'how long one run may take (default: 300)').argParser(positive),
      documentOption('a report written besides; html shows the distributions', Object.keys(formats) as Format[]),
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
  const { report: wanted = [] } = flags;
  await checkReports(wanted, { json: flags.json, files: [a, b] });
  // All of it now: an interrupted process is to report at once.
  const [api, { exitCodeOf }, { benchText }, { say }, { progressBar }] = await Promise.all([
    import('../../api.ts'),
    import('../../measure/measurement.ts'),
    import('../../report/bench-text.ts'),
    import('../output.ts'),
    import('../progress.ts'),
  ]);
  const progress = await progressBar();
  const controller = new AbortController();
  const measuring = api
    .bench(a, b, { ...optionsOf(flags), signal: controller.signal, onProgress: progress.update })
    .finally(() => progress.stop());
  const report = async () => {
    const measurement = await measuring;
    const written = await writeDocuments(wanted, format => formats[format](measurement));
    if (!takesStdout(wanted)) say({ json: measurement, text: colors => benchText(measurement, colors) }, flags);
    process.exitCode = Math.max(written, exitCodeOf(measurement));
  };
  // What was measured until a signal came is reported.
  const leave = () => {
    controller.abort();
    return report();
  };
  await leaving(leave, () => measuring);
  await report();
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
