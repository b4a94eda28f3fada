import chalk from 'chalk';
import { nameOf } from '../verify/configuration.ts';
import type { ConfigurationResult, Finding, OutputResult, Status, Verdict } from '../verify/verdict.ts';
import { percent } from '../verify/words.ts';
import { worstByOutput } from '../verify/worst.ts';
import { plain, plural, sentence } from './format.ts';
import { layersText, selfCheckText } from './layers-text.ts';
import { measured, spell } from './results.ts';
import { table } from './table.ts';

export const paint: Readonly<Record<Status, (text: string) => string>> = {
  same: chalk.green.bold,
  different: chalk.red.bold,
  inconclusive: chalk.yellow.bold,
  unavailable: chalk.yellow.bold,
  invalid: chalk.red.bold,
};

/**
 * A verdict for people: its first line is the answer. Colours as the terminal and NO_COLOR want them.
 * `detail` lists every output under every input; without it, the worst of each output.
 */
export function verdictText(verdict: Verdict, options: { readonly detail?: boolean } = {}): string {
  const { status, summary, reasons, warnings, a, b, seed, inputs, configurations, environment, threads } = verdict;
  const lines = [paint[status](status) + sentence(summary.slice(status.length))];
  if (reasons.length > 1) lines.push('', ...reasons.map(r => `  ${chalk.red('✗')} ${findingText(r)}`));
  if (warnings.length > 0) lines.push('', ...warnings.map(w => `  ${warningText(w)}`));
  if (configurations.length > 0) lines.push('', configurationTable(configurations));
  const results = configurations.some(c => c.results.length > 0);
  if (results) lines.push('', outputTable(configurations, options.detail ?? false), '', ...toleranceLines(configurations));
  const { layers, selfCheck } = verdict;
  if (layers) lines.push('', layersText(layers, options.detail ?? false));
  if (selfCheck) lines.push('', selfCheckText(selfCheck, options.detail ?? false));
  if (a && b) lines.push('', chalk.dim(`A: ${plain(a.label)}, on cpu without optimisation, is the reference. B: ${plain(b.label)}.`));
  const kinds = inputs.map(i => i.label).join(', ');
  const runtime = `onnxruntime-node ${environment.onnxruntime}, ${environment.platform}, ${plural(threads, 'thread')}`;
  lines.push(chalk.dim(`inputs: ${plain(kinds) || 'none'} (seed ${seed}). ${runtime}.`));
  return `${lines.join('\n')}\n`;
}

export const warningText = (warning: Finding): string => `${chalk.yellow('!')} ${findingText(warning)}`;

function findingText({ where, message, code }: Finding): string {
  return `${sentence(`${where}: ${message}`)} ${chalk.dim(`[${code}]`)}`;
}

function configurationTable(configurations: readonly ConfigurationResult[]): string {
  const placed = configurations.some(c => c.placement.b);
  const rows = configurations.map(c => {
    const nodes = Object.entries(c.placement.b?.nodes ?? {}).map(([name, n]) => `${n} ${name.replace('ExecutionProvider', '')}`);
    const result = c.status === 'same' ? chalk.green(c.identical ? 'same bits' : 'same') : paint[c.status](c.status);
    return [nameOf(c), result, plain(c.adapter ?? ''), ...(placed ? [plain(nodes.join(', '))] : [])];
  });
  return leftTable(['configuration', 'result', 'adapter', ...(placed ? ['nodes of B'] : [])], rows);
}

function outputTable(configurations: readonly ConfigurationResult[], detail: boolean): string {
  const rankings = configurations.flatMap(c => c.results).find(r => r.comparison.topK)?.comparison.topK ?? [];
  const input = detail ? 'input' : 'worst input';
  const numbers = ['rel. L2', 'allowed', 'max abs', 'p99 abs', 'ulp', 'SNR', 'outside', ...rankings.map(r => `top-${r.k}`)];
  return leftTable(
    ['configuration', 'output', input, ...numbers, ''],
    configurations.flatMap(c => (detail ? c.results : worstByOutput(c.results)).map(r => row(c, r, rankings.length))),
  );
}

const leftTable = (head: readonly string[], rows: readonly (readonly string[])[]) => table(head, rows, chalk, head.length, '');

function row(c: ConfigurationResult, { output, input, comparison: s, tolerance: t }: OutputResult, rankings: number): string[] {
  const verdict = s.identical ? chalk.green('same bits') : s.same ? chalk.green('same') : chalk.red(s.reasons.join(', '));
  const outside = s.violations === 0 ? '0' : chalk.red(`${s.violations} of ${s.elements}`);
  const decibels = typeof s.snrDb === 'number' ? `${s.snrDb.toFixed(0)} dB` : measured(s, s.snrDb);
  const allowed = t.source === 'exact' ? 'exact' : spell(t.relativeL2);
  const numbers = [measured(s, s.relativeL2), allowed, measured(s, s.maxAbs), measured(s, s.p99Abs)];
  return [
    nameOf(c),
    plain(output),
    plain(input),
    ...numbers,
    s.maxUlp === undefined ? '' : measured(s, s.maxUlp, String),
    decibels,
    outside,
    ...Array.from({ length: rankings }, (_, i) => (s.topK?.[i] ? percent(s.topK[i].agreement) : '')),
    verdict,
  ];
}

/** One line for each provider, source of tolerances and reason. */
function toleranceLines(configurations: readonly ConfigurationResult[]): string[] {
  const groups = new Map<string, { readonly what: string; readonly because: string; readonly of: OutputResult['tolerance'][] }>();
  for (const c of configurations) {
    for (const { tolerance: t } of c.results) {
      const because = t.because.replace(/, widened.*/, '');
      const what = t.source === 'exact' ? 'tolerance: exact' : `tolerance on ${c.provider}, ${t.source}`;
      const group = groups.get(`${what}; ${because}`);
      if (group) group.of.push(t);
      else groups.set(`${what}; ${because}`, { what, because, of: [t] });
    }
  }
  return [...groups.values()].map(({ what, because, of }) =>
    chalk.dim(of[0]!.source === 'exact' ? `${what}; ${because}` : `${what}: ${range(of)}; ${because}`),
  );
}

function range(tolerances: readonly OutputResult['tolerance'][]): string {
  const span = (name: string, values: readonly number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return `${name} ${low === high ? spell(low) : `${spell(low)} … ${spell(high)}`}`;
  };
  const norms = tolerances.map(t => Number(t.relativeL2)).filter(Number.isFinite);
  const parts = [
    span(
      'atol',
      tolerances.map(t => t.atol),
    ),
    span(
      'rtol',
      tolerances.map(t => t.rtol),
    ),
  ];
  return (norms.length > 0 ? [span('relative L2', norms), ...parts] : parts).join(', ');
}
