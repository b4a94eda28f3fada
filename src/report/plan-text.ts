import type { ChalkInstance } from 'chalk';
import type { FunnelCost } from '../functions/cost.ts';
import type { Plan } from '../inspect/plan.ts';
import { bytes, count, plain } from './format.ts';
import { table } from './table.ts';

/** A plan as a table: every activation, what a funnel would cost there, and what was chosen. */
export function planText({ sites, before, added }: Plan, input: string, colors: ChalkInstance): string {
  const rows = sites.map(({ site, op, channels, size, stage, after, cost, convert, why }) => {
    const image = channels === undefined ? '' : [channels, ...(size ?? ['?', '?'])].join('×');
    const choice = convert ? colors.green('FReLU') : colors.dim(`${op} stays: ${plain(why)}`);
    return [plain(site), plain(op), plain(after), choice, image, stage === undefined ? '' : String(stage), ...amounts(cost)];
  });
  const head = ['activation', 'operator', 'after', 'becomes', 'C×H×W', 'stage', 'parameters', 'MACs', 'activations'];
  const chosen = sites.filter(site => site.convert).length;
  return [
    `${colors.bold(plain(input === '-' ? 'standard input' : input))}: ${chosen} of ${sites.length} activations become FReLU`,
    ...(sites.length > 0 ? [table(head, rows, colors, 4)] : []),
    ...(added ? [`  in all     ${increase(added, before)}`] : ['  in all     not known: give sizes, such as --shape input:1x3x224x224']),
    colors.dim("  Nothing was written. '--plan --json > plan.json' keeps the plan, '--plan plan.json -o OUT' carries it out."),
  ].join('\n');
}

const amounts = (cost: FunnelCost | undefined) =>
  cost ? [`+${count(cost.parameters)}`, `+${count(cost.macs)}`, `+${bytes(cost.activationBytes)}`] : ['', '', ''];

function increase(added: FunnelCost, before: FunnelCost | undefined): string {
  const share = (measure: keyof FunnelCost) => (before?.[measure] ? ` (+${((100 * added[measure]) / before[measure]).toFixed(2)} %)` : '');
  const [parameters, macs, activations] = amounts(added);
  return `${parameters} parameters${share('parameters')}, ${macs} MACs${share('macs')}, ${activations} of activations${share('activationBytes')}`;
}
