import type { ChalkInstance } from 'chalk';
import type { CostReport, FormCost } from '../inspect/cost.ts';
import { bytes, count, plain, plural } from './format.ts';
import { table } from './table.ts';

/** What each form costs, in sum; with `explain` also what moves at each site. */
export function costText({ converted, forms, sites }: CostReport, input: string, colors: ChalkInstance, explain: boolean): string {
  const [before] = forms as [FormCost, ...FormCost[]];
  const name = colors.bold(plain(input === '-' ? 'standard input' : input));
  const funnels = converted > 0 ? `${plural(converted, 'activation')} converted` : plural(before.funnels, 'FReLU site');
  if (!before.costs.known) return `${name}: ${funnels}; its costs are not known: ${before.costs.reason}`;
  const rows = forms.flatMap(({ form, costs }) => {
    if (!costs.known) return [];
    const { parameters, macs, bytesMoved, kernels, activations } = costs;
    return [[form, count(parameters), count(macs), bytes(activations.bytes), bytes(bytesMoved), String(kernels)]];
  });
  const lines = [
    `${name}: ${funnels}`,
    table(['form', 'parameters', 'MACs', 'activations', 'bytes moved', 'kernels'], rows, colors),
    ...before.costs.notes.map(note => colors.dim(`  where ${note}`)),
    colors.dim("  Kernels and bytes as ONNX Runtime's CPU provider runs them, but for changes of layout."),
  ];
  if (!explain || sites.length === 0) return lines.join('\n');
  const shown = forms.map(f => f.form).filter(form => sites.some(site => site.loads[form]));
  const perSite = sites
    .filter(site => Object.keys(site.loads).length > 0)
    .map(({ site, channels, size, loads }) => {
      const load = loads.max ?? Object.values(loads)[0]!;
      const moved = shown.map(form => (loads[form] ? `${bytes(loads[form].bytesMoved)} in ${loads[form].kernels}` : ''));
      return [plain(site), [channels, ...size.map(n => n ?? '?')].join('×'), count(load.parameters), count(load.macs), ...moved];
    });
  return [...lines, '', table(['site', 'C×H×W', 'parameters', 'MACs', ...shown], perSite, colors)].join('\n');
}
