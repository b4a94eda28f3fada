import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';
import type { Inspection } from '../inspect/inspect.ts';
import type { Port } from '../inspect/parameters.ts';
import { bytes, count, plain, plural } from './format.ts';

export interface InspectedFile {
  readonly input: string;
  readonly fileBytes: number | undefined;
}

/** An inspection for people. */
export function inspectText(inspection: Inspection, { input, fileBytes }: InspectedFile, colors: ChalkInstance): string {
  const facts = rows([...edges(inspection), ...contents(inspection), ...costs(inspection)], colors);
  const head = `${colors.bold(plain(input === '-' ? 'standard input' : input))}${fileBytes === undefined ? '' : colors.dim(`  ${bytes(fileBytes)}`)}`;
  return [head, facts, '', operatorTable(inspection, colors)].join('\n');
}

type Row = readonly [label: string, fact: string];

function edges({ irVersion, opsets, producer, interface: ports }: Inspection): Row[] {
  const imports = Object.entries(opsets).map(([domain, version]) => `${domain === '' ? 'ai.onnx' : domain} ${version}`);
  return [
    ['format', `IR ${irVersion}, operator sets ${imports.join(', ') || 'none'}${producer ? `, by ${producer}` : ''}`],
    ['inputs', ports.inputs.map(port).join(', ') || 'none'],
    ['outputs', ports.outputs.map(port).join(', ') || 'none'],
    ...(ports.overridable > 0
      ? [
          [
            'overridable',
            `${plural(ports.overridable, 'initializer')} that a caller may override (--freeze-initializers makes them constants)`,
          ] as const,
        ]
      : []),
  ];
}

function contents({ nodes, functions, parameters: p, sites }: Inspection): Row[] {
  const external = p.external.bytes > 0 ? `, ${bytes(p.external.bytes)} of it in files beside the model` : '';
  const frelu = sites.frelu.fused + sites.frelu.spelled;
  const called = functions.map(f => `${f.name} (${plural(f.nodes, 'node')}, ${plural(f.calls, 'call')})`);
  return [
    ['parameters', `${count(p.elements)} in ${plural(p.tensors, 'tensor')}, ${bytes(p.bytes)}${external}`],
    ['nodes', count(nodes)],
    ['ReLU sites', `${sites.relu} (Relu, LeakyRelu, PRelu, Clip)`],
    ['FReLU sites', frelu === 0 ? '0' : `${frelu} (${sites.frelu.fused} fused, ${sites.frelu.spelled} spelled out)`],
    ['BatchNorm', String(sites.batchNorm)],
    ...(called.length > 0 ? [['functions', called.join(', ')] as const] : []),
  ];
}

function costs({ costs: c }: Inspection): Row[] {
  if (!c.known) return [['costs', `unknown: ${c.reason}`]];
  const { bytes: all, largest } = c.activations;
  return [
    ['MACs', `${count(c.macs)}`],
    ['activations', `${bytes(all)} in all${largest ? `, the largest ${bytes(largest.bytes)} (${largest.name})` : ''}`],
    ...c.notes.map(note => ['', `where ${note}`] as const),
  ];
}

function rows(all: readonly Row[], colors: ChalkInstance): string {
  const width = Math.max(...all.map(([label]) => label.length));
  return all.map(([label, fact]) => `  ${colors.dim(label.padEnd(width))}  ${plain(fact)}`).join('\n');
}

function operatorTable({ operators, costs: c }: Inspection, colors: ChalkInstance): string {
  const table = new Table({
    head: ['operator', 'nodes', 'MACs'].map(title => colors.dim(title)),
    colAligns: ['left', 'right', 'right'],
    // The table's own colours ignore NO_COLOR.
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '  ',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  for (const [op, n] of Object.entries(operators)) {
    const macs = c.known ? c.macsByOperator[op] : undefined;
    table.push([plain(op), String(n), macs === undefined ? '' : count(macs)]);
  }
  return table.toString().replace(/ +$/gm, '');
}

const port = ({ name, type }: Port) => `${name}: ${type}`;
