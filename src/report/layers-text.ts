import chalk from 'chalk';
import { nameOf } from '../verify/configuration.ts';
import type { Culprit, Layer, LayerReport, SelfCheck } from '../verify/layer-report.ts';
import { nodeText } from './findings.ts';
import { plain, plural } from './format.ts';
import { spell } from './results.ts';
import { table } from './table.ts';

/** Without `detail`, no more layers than a screen has room for: those that differ, then those that drift most by themselves. */
const most = 20;

/** B held against A layer by layer. */
export function layersText(found: LayerReport, detail: boolean): string {
  const { layers, culprits, notes } = found;
  const different = layers.filter(l => l.status === 'different').length;
  const where = `${nameOf(found)}, input ${plain(found.input)}`;
  const shown = detail ? layers : [...layers].sort(byWeight).slice(0, most);
  const rows = shown.map(l => [
    plain(l.value),
    plain(nodeText(l.node)),
    spell(l.local.relativeL2),
    spell(l.local.allowed),
    spell(l.accumulated.relativeL2),
    l.status === 'different' ? chalk.red(l.status) : l.status,
  ]);
  const left = layers.length - shown.length;
  return [
    `${chalk.bold('layers')} on ${where}: ${plural(layers.length, 'value')} in common, ${different === 0 ? 'none differs' : `${different} different`}`,
    ...culprits.flatMap(culpritLines),
    ...(rows.length > 0 ? [table(['value', 'node of B', 'alone', 'allowed', 'accumulated', ''], rows, chalk, 2)] : []),
    ...(left > 0 ? [chalk.dim(`  ${plural(left, 'more value')}; --detail lists all`)] : []),
    ...notes.map(n => chalk.dim(`  ${plain(n)}`)),
  ].join('\n');
}

function byWeight(x: Layer, y: Layer): number {
  const rank = (l: Layer) => ({ different: 0, 'reused-name': 1, same: 2 })[l.status];
  return rank(x) - rank(y) || (Number(y.local.relativeL2) || 0) - (Number(x.local.relativeL2) || 0);
}

/** Where it is; how far it is off, a reason of the verdict says. */
function culpritLines({ value, node, nodes }: Culprit): string[] {
  const others = nodes.b.filter(n => n.name !== node.name);
  return [
    `  ${chalk.red('✗')} first wrong at ${chalk.bold(plain(value))}, computed by ${plain(nodeText(node))}`,
    ...(others.length > 0 ? [chalk.dim(`      with ${plain(others.map(nodeText).join(', '))}`)] : []),
    ...(nodes.a.length > 0 ? [chalk.dim(`      in A: ${plain(nodes.a.map(nodeText).join(', '))}`)] : []),
  ];
}

/** Whether the comparison can fail: with `detail` all that was tried, and all where it noticed nothing; what it missed else, a warning says. */
export function selfCheckText({ mutations, detected }: SelfCheck, detail: boolean): string {
  const paint = detected === mutations.length ? chalk.green : chalk.yellow;
  const told = detail || detected === 0 ? mutations : [];
  return [
    `${chalk.bold('self-check')}: ${paint(`${detected} of ${plural(mutations.length, 'mutation')} of B detected`)}`,
    ...told.map(m => `  ${m.detected ? chalk.green('✓') : chalk.yellow('!')} ${plain(`${m.kind} at ${m.node}: ${m.message}`)}`),
  ].join('\n');
}
