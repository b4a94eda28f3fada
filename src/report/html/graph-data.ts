import type { Sketch, SketchNode } from '../../inspect/sketch.ts';
import type { Layer, LayerReport, NodeRef } from '../../verify/layer-report.ts';
import type { Case } from '../../verify/report.ts';
import type { Drawn, DrawnNode, DrawnPair } from './drawn.ts';
import { clip, spell } from './text.ts';

/** What a page draws of a case, as plain JSON; undefined where the case has no graphs. */
export function drawnPair({ graphs, verdict }: Case): DrawnPair | undefined {
  if (!graphs) return undefined;
  const { layers, a, b } = verdict;
  const guilty = (of: 'a' | 'b') => new Set(layers?.culprits.flatMap(c => (of === 'b' ? [c.node, ...c.nodes.b] : c.nodes.a)).map(keyOf));
  const [insA, insB] = [graphs.a.inputs.length, graphs.b.inputs.length];
  const known = layersByNode(layers);
  return {
    a: drawn(graphs.a, titleOf('A', a?.label), guilty('a'), insB, new Map()),
    b: drawn(graphs.b, titleOf('B', b?.label), guilty('b'), insA, known),
  };
}

const titleOf = (side: string, label: string | undefined) => (label === undefined || label === side ? side : `${side}: ${clip(label, 60)}`);

const keyOf = ({ name, operator }: NodeRef) => `${operator}\n${name}`;

const layersByNode = (layers: LayerReport | undefined) => new Map(layers?.layers.map(l => [keyOf(l.node), l]));

function drawn(s: Sketch, title: string, guilty: ReadonlySet<string>, insOfTwin: number, layers: ReadonlyMap<string, Layer>): Drawn {
  const nameOf = (value: number) => clip(s.values[value] ?? '', 80);
  const edge = (kind: 'input' | 'output') => (value: number, i: number) => ({
    kind,
    op: kind,
    name: nameOf(value),
    status: 'same' as const,
    guilty: false,
    ...(kind === 'input' && i < insOfTwin && { twin: i }),
    facts: s.types[value] === undefined ? [] : [clip(s.types[value])],
  });
  const first = s.inputs.length;
  const nodes = s.nodes.map((node): DrawnNode => {
    const key = keyOf({ name: node.name, operator: node.op });
    return {
      kind: 'node',
      op: clip(node.op, 40),
      name: clip(node.name, 80),
      status: node.status,
      guilty: guilty.has(key),
      ...(node.twin !== undefined && { twin: node.twin + insOfTwin }),
      facts: factsOf(node, s, layers.get(key)),
    };
  });
  const producers = new Map<number, number>(s.inputs.map((value, i) => [value, i]));
  for (const [i, node] of s.nodes.entries()) for (const value of node.outputs) if (value >= 0) producers.set(value, first + i);
  const edges = s.nodes.flatMap((node, i) => sources(node.inputs, producers).map(from => [from, first + i] as const));
  const results = s.outputs.flatMap((value, i) => sources([value], producers).map(from => [from, first + s.nodes.length + i] as const));
  return { title, nodes: [...s.inputs.map(edge('input')), ...nodes, ...s.outputs.map(edge('output'))], edges: [...edges, ...results] };
}

const sources = (values: readonly number[], producers: ReadonlyMap<number, number>) => [
  ...new Set(values.flatMap(value => producers.get(value) ?? [])),
];

/** Values that are named for one node. */
const MOST = 12;

function factsOf({ inputs, outputs, changes = [], pass, from }: SketchNode, { values, types }: Sketch, layer: Layer | undefined): string[] {
  const list = (places: readonly number[]) =>
    places
      .slice(0, MOST)
      .map(v => (v < 0 ? '–' : `${clip(values[v] ?? '', 48)}${types[v] === undefined ? '' : ` ${clip(types[v], 60)}`}`))
      .join(', ') + (places.length > MOST ? `, … ${places.length - MOST} more` : '');
  return [
    ...changes.map(change => clip(change, 160)),
    ...(pass === undefined ? [] : [`made by ${clip(pass)}${from === undefined ? '' : ` of ${clip(from)}`}`]),
    ...(layer
      ? [
          `relative L2: local ${spell(layer.local.relativeL2)} (allowed ${spell(layer.local.allowed)}), together ${spell(layer.accumulated.relativeL2)}`,
        ]
      : []),
    `in: ${list(inputs) || 'nothing'}`,
    `out: ${list(outputs)}`,
  ];
}
