import type { Sketch, SketchNode } from '../../inspect/sketch.ts';
import type { PassReport } from '../../rewrite/pass.ts';
import type { Layer, LayerReport, NodeRef } from '../../verify/layer-report.ts';
import type { Case } from '../../verify/report.ts';
import { clip } from '../format.ts';
import type { Drawn, DrawnNode, DrawnPair } from './drawn.ts';
import { spell } from './text.ts';

/** What a page draws of a case, as plain JSON; undefined where the case has no graphs. */
export function drawnPair({ graphs, verdict, passes = [] }: Case): DrawnPair | undefined {
  if (!graphs) return undefined;
  const { layers, a, b } = verdict;
  const culprits = layers?.culprits ?? [];
  const guilty = {
    a: new Set(culprits.flatMap(c => c.nodes.a).map(keyOf)),
    b: new Set(culprits.flatMap(c => [c.node, ...c.nodes.b]).map(keyOf)),
  };
  const left = leftAlone(passes);
  const places = { a: placesOf(graphs.a, guilty.a), b: placesOf(graphs.b, guilty.b) };
  return {
    a: drawn(graphs.a, { title: titleOf('A', a?.label), guilty: guilty.a, layers: new Map(), left, own: places.a, twins: places.b }),
    b: drawn(graphs.b, {
      title: titleOf('B', b?.label),
      guilty: guilty.b,
      layers: layersByNode(layers),
      left,
      own: places.b,
      twins: places.a,
    }),
  };
}

/**
 * Where each node is in the drawing: after the inputs, and without what is computed of constants alone, which are weights by another name:
 * they would lie in one endless row. The guilty one is drawn whatever it is.
 */
function placesOf({ inputs, nodes }: Sketch, guilty: ReadonlySet<string>): ReadonlyMap<number, number> {
  const computed = new Set(inputs);
  const kept = [...nodes.keys()].filter(i => {
    const { op, name, inputs: operands, outputs } = nodes[i]!;
    const constant = op === 'Constant' || (operands.length > 0 && !operands.some(v => computed.has(v)));
    if (constant && !guilty.has(keyOf({ name, operator: op }))) return false;
    for (const value of outputs) if (value >= 0) computed.add(value);
    return true;
  });
  return new Map(kept.map((i, k) => [i, inputs.length + k]));
}

interface Context {
  readonly title: string;
  /** Keys of nodes. */
  readonly guilty: ReadonlySet<string>;
  readonly layers: ReadonlyMap<string, Layer>;
  /** Why passes left nodes alone. */
  readonly left: ReadonlyMap<string, readonly string[]>;
  readonly own: ReadonlyMap<number, number>;
  /** Places in the other graph. */
  readonly twins: ReadonlyMap<number, number>;
}

const titleOf = (side: string, label: string | undefined) => (label === undefined || label === side ? side : `${side}: ${clip(label, 60)}`);

const keyOf = ({ name, operator }: NodeRef) => `${operator}\n${name}`;

const layersByNode = (layers: LayerReport | undefined) => new Map(layers?.layers.map(l => [keyOf(l.node), l]));

function leftAlone(passes: readonly PassReport[]): ReadonlyMap<string, readonly string[]> {
  const left = new Map<string, string[]>();
  for (const { pass, refused } of passes)
    for (const { node, op, detail } of refused) {
      const key = keyOf({ name: node, operator: op });
      left.set(key, [...(left.get(key) ?? []), `left alone by ${clip(pass)}: ${clip(detail, 160)}`]);
    }
  return left;
}

function drawn(s: Sketch, { title, guilty, layers, left, own, twins }: Context): Drawn {
  const nodes = [...own.keys()].map((i): DrawnNode => {
    const node = s.nodes[i]!;
    const key = keyOf({ name: node.name, operator: node.op });
    const twin = node.twin === undefined ? undefined : twins.get(node.twin);
    return {
      kind: 'node',
      op: clip(node.op, 40),
      name: clip(node.name, 80),
      status: node.status,
      guilty: guilty.has(key),
      ...(twin !== undefined && { twin }),
      facts: [...factsOf(node, s, layers.get(key)), ...(left.get(key) ?? [])],
    };
  });
  const producers = new Map<number, number>(s.inputs.map((value, i) => [value, i]));
  for (const [i, place] of own) for (const value of s.nodes[i]!.outputs) if (value >= 0) producers.set(value, place);
  const edges = [...own].flatMap(([i, place]) => sources(s.nodes[i]!.inputs, producers).map(from => [from, place] as const));
  const end = s.inputs.length + own.size;
  const results = s.outputs.flatMap((value, i) => sources([value], producers).map(from => [from, end + i] as const));
  const all = [...s.inputs.map(v => terminal('input', v, s)), ...nodes, ...s.outputs.map(v => terminal('output', v, s))];
  return { title, nodes: all, edges: [...edges, ...results] };
}

/** An input of the model, or an output: both ends of a drawing. */
function terminal(kind: 'input' | 'output', value: number, { values, types }: Sketch): DrawnNode {
  const facts = types[value] === undefined ? [] : [clip(types[value])];
  return { kind, op: kind, name: clip(values[value] ?? '', 80), status: 'same', guilty: false, facts };
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
