import type { ChalkInstance } from 'chalk';
import type { Inspection } from '../inspect/inspect.ts';
import type { Port } from '../inspect/parameters.ts';
import { bytes, count, plain, plural } from './format.ts';
import { table } from './table.ts';

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
    ['MACs', count(c.macs)],
    ['kernels', `${count(c.kernels)}, ${bytes(c.bytesMoved)} moved`],
    ['activations', `${bytes(all)} in all${largest ? `, the largest ${bytes(largest.bytes)} (${largest.name})` : ''}`],
    ...c.notes.map(note => ['', `where ${note}`] as const),
  ];
}

function rows(all: readonly Row[], colors: ChalkInstance): string {
  const width = Math.max(...all.map(([label]) => label.length));
  return all.map(([label, fact]) => `  ${colors.dim(label.padEnd(width))}  ${plain(fact)}`).join('\n');
}

function operatorTable({ operators, costs: c }: Inspection, colors: ChalkInstance): string {
  const rows = Object.entries(operators).map(([op, n]) => {
    const macs = c.known ? c.macsByOperator[op] : undefined;
    return [plain(op), String(n), macs === undefined ? '' : count(macs)];
  });
  return table(['operator', 'nodes', 'MACs'], rows, colors);
}

const port = ({ name, type }: Port) => `${name}: ${type}`;
