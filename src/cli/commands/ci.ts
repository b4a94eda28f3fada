import { basename, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { PlannedCase } from '../../ci/cases.ts';
import type { Config } from '../../ci/config.ts';
import { mostShards, type Shard } from '../../ci/shard.ts';
import type { Format } from '../../report/reporters.ts';
import { type BaselineFlags, baselineOptions, openBaseline } from '../baseline.ts';
import type { ComparingFlags } from '../comparing.ts';
import { loadConfig } from '../config.ts';
import { addOptions, examples, jsonOption } from '../options.ts';
import { checkReports, filesOfData, reportOption, type WantedReport } from '../reporting.ts';

interface Flags extends ComparingFlags, BaselineFlags {
  readonly shard?: Shard;
  readonly only?: string;
  readonly list?: boolean;
  readonly report?: readonly WantedReport[];
}

/** `funnel ci`: many comparisons, one report. */
export const ci = (): Command =>
  examples(
    addOptions(
      new Command('ci'),
      new Option('--shard <part>', 'make one part of the comparisons only, such as 2/4: the second of four').argParser(shard),
      new Option('--only <glob>', 'make comparisons of these names only'),
      new Option('--list', 'list the comparisons, and the part each falls into; make none'),
      new Option('--fail-fast', 'stop after the first that is not the same'),
      new Option('--detail', 'tell all about each comparison'),
      ...baselineOptions(),
      reportOption(),
      jsonOption(),
    )
      .description('make the comparisons that a configuration lists: pairs of models, and models before and after a pipeline')
      .argument('[config]', 'a file whose default export is a configuration (default: funnel.config.ts, .mts, .js, .mjs or .json)')
      .action(run),
    ['funnel ci', 'all that funnel.config.ts lists; the exit code is that of the worst'],
    ['funnel ci --report junit=verify.xml --report html=verify.html', 'with reports beside those that the configuration asks for'],
    ['funnel ci --shard 1/4 --report json=shard-1.json', "a quarter of it, for 'funnel merge-reports'"],
  ).addHelpText('after', `\nA configuration, funnel.config.ts:\n${sample.replace(/^(?=.)/gm, '  ')}`);

const sample = `import { defineConfig } from 'onnx-funnel';

export default defineConfig({
  cases: [
    { a: 'resnet18.onnx', b: 'resnet18-frelu.onnx', providers: ['cpu', 'webgpu'] },
    { model: 'models/*.onnx', pipeline: 'deploy' },
  ],
  reports: { junit: 'verify.xml' },
});
`;

async function run(path: string | undefined, flags: Flags): Promise<void> {
  const { config, label, folder } = await loadConfig(path);
  const given = (flags.report ?? []).map(r => (r.path === undefined || r.path === '-' ? r : { ...r, path: resolve(r.path) }));
  const own = flags.baseline === undefined ? config.baseline : resolve(flags.baseline);
  // From here on, paths are relative to the configuration, those inside options too, and reports do not tell where it lies.
  process.chdir(folder);
  const { planCases } = await import('../../ci/cases.ts');
  const all = await chosen(await planCases(config, label), flags.only);
  if (flags.list) return list(all, flags);
  const { ofShard, planOf } = await import('../../ci/shard.ts');
  const planned = flags.shard ? ofShard(all, flags.shard) : all;
  const shard = flags.shard && { ...flags.shard, plan: planOf(all.map(c => c.name)) };
  const wanted = [...given, ...reportsOf(config)];
  const baseline = await openBaseline({ ...flags, ...(own !== undefined && { baseline: own }) });
  const read = all.flatMap(({ models: m, options }) => [...('a' in m ? [m.a, m.b] : [m.model]), ...filesOfData(options.data)]);
  await checkReports(wanted, { json: flags.json, files: [basename(label), ...(baseline ? [baseline.path] : []), ...read] });
  if (planned.length === 0) process.stderr.write(`funnel: ${nothing(label, all.length, flags.shard)}\n`);
  const { compareAll } = await import('../comparing.ts');
  await compareAll(planned, config.runtime, wanted, { ...flags, ...(shard && { shard }) }, baseline);
}

function nothing(label: string, all: number, shard: Shard | undefined): string {
  if (all === 0) return `${label} lists no case: nothing is compared`;
  return `part ${shard!.index} of ${shard!.count} has none of ${all} cases: nothing is compared here; use fewer parts`;
}

/** @throws FunnelError E_USAGE where none has such a name */
async function chosen(all: readonly PlannedCase[], only: string | undefined): Promise<readonly PlannedCase[]> {
  if (only === undefined) return all;
  const { default: picomatch } = await import('picomatch');
  const matches = picomatch(only, { dot: true, bash: true, nonegate: true });
  const left = all.filter(c => matches(c.name));
  const { unknownName } = await import('../names.ts');
  if (left.length === 0)
    throw unknownName(
      'case',
      only,
      all.map(c => c.name),
      '--list lists them',
    );
  return left;
}

async function list(all: readonly PlannedCase[], flags: Flags): Promise<void> {
  const [{ shardAt }, { say }, { plain }] = await Promise.all([
    import('../../ci/shard.ts'),
    import('../output.ts'),
    import('../../report/format.ts'),
  ]);
  const { count = 1, index } = flags.shard ?? {};
  const cases = all.map((c, i) => ({ name: c.name, shard: shardAt(i, count) })).filter(c => index === undefined || c.shard === index);
  const line = (c: (typeof cases)[number]) => `${count > 1 ? `${c.shard}/${count}  ` : ''}${plain(c.name)}`;
  say({ json: { schema: 'onnx-funnel/cases@1', shards: count, cases }, text: () => `${cases.map(line).join('\n')}\n` }, flags);
}

const reportsOf = ({ reports = {} }: Config): WantedReport[] =>
  Object.entries(reports).map(([format, path]) => ({ format: format as Format, path }));

function shard(text: string): Shard {
  const [, i = '0', n = '0'] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const [index, count] = [Number(i), Number(n)];
  if (index < 1 || index > count || count > mostShards) throw new InvalidArgumentError('It must be like 2/4: the second of four parts.');
  return { index, count };
}
