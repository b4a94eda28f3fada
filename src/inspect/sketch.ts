import type { Graph } from '../ir/graph.ts';
import type { Model } from '../ir/model.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { toldBy } from '../rewrite/provenance.ts';
import { printType } from '../text/print-type.ts';
import type { Change, Diff } from './diff.ts';
import { matchGraphs } from './diff-graph.ts';

/** What became of a node. `changed`: operator, attributes, operands, a weight it reads, or a graph nested in it. */
export type SketchStatus = 'same' | 'changed' | 'added' | 'removed';

/** A node without its attributes. Values are given by their place in `Sketch.values`. */
export interface SketchNode {
  readonly name: string;
  readonly op: string;
  /** −1 for an absent one. What nested graphs use comes last. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly status: SketchStatus;
  /** Place of the node in the other model that is the same one. */
  readonly twin?: number;
  /** What changed, in words. */
  readonly changes?: readonly string[];
  /** The passes that made it, and the nodes they made it of. */
  readonly pass?: string;
  readonly from?: string;
}

/** A model's main graph without attributes and weights: what is needed to draw it. */
export interface Sketch {
  /** Names, cut where they are very long. */
  readonly values: readonly string[];
  /** Types such as `float[64, 3, 7, 7]` of the graph's inputs and weights, by place of the value. */
  readonly types: Readonly<Record<number, string>>;
  /** Those that a caller must give: an initializer that may be overridden is a weight. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** In topological order. */
  readonly nodes: readonly SketchNode[];
}

/** Two graphs, and what of one is what of the other. Plain JSON. */
export interface GraphPair {
  readonly a: Sketch;
  readonly b: Sketch;
}

/** Characters of a name that are kept, so that hostile names don't make large reports. */
const LONGEST = 200;

/** The graphs of two models, to be drawn side by side; `diff` is what tells them apart. */
export function sketchOf(a: Model, b: Model, diff: Diff): GraphPair {
  const { nodes: pairs } = matchGraphs(a.graph, b.graph);
  const [placesA, placesB] = [placesOf(a.graph), placesOf(b.graph)];
  const twinsOfA = new Map([...pairs].map(([node, twin]) => [twin, node]));
  const changes = changesByNode(diff);
  const weights = new Set(diff.weights.changed.filter(w => w.path === '').map(w => w.name));
  const changesOf = (node: Node) => [
    ...(changes.get(labelOf(node)) ?? []),
    ...node.inputs.flatMap(v => (v && v.producer === undefined && weights.has(v.name) ? [`weight ${cut(v.name)}: other values`] : [])),
  ];
  const ofB = sketch(b.graph, node => {
    const twin = pairs.get(node);
    const changed = twin ? changesOf(node) : [];
    return { status: !twin ? 'added' : changed.length > 0 ? 'changed' : 'same', ...(twin && { twin: placesA.get(twin)! }), changed };
  });
  const ofA = sketch(a.graph, node => {
    const twin = twinsOfA.get(node);
    const place = twin && placesB.get(twin);
    return place === undefined ? { status: 'removed', changed: [] } : { status: ofB.nodes[place]!.status, twin: place, changed: [] };
  });
  return { a: ofA, b: ofB };
}

interface Fate {
  readonly status: SketchStatus;
  readonly twin?: number;
  readonly changed: readonly string[];
}

function sketch(graph: Graph, fateOf: (node: Node) => Fate): Sketch {
  const values: string[] = [];
  const types: Record<number, string> = {};
  const places = new Map<Value, number>();
  const placeOf = (value: Value | undefined): number => {
    if (!value || value.name === '') return -1;
    let place = places.get(value);
    if (place === undefined) {
      place = values.push(cut(value.name)) - 1;
      places.set(value, place);
      if (!value.producer && value.type) types[place] = cut(printType(value.type));
    }
    return place;
  };
  const inputs = graph.inputs.filter(({ definition: d }) => d.kind !== 'input' || !d.fallback).map(placeOf);
  const nodes = [...graph.nodes()].map((node): SketchNode => {
    const { changed, ...fate } = fateOf(node);
    const { pass, from } = toldBy(node);
    return {
      name: cut(labelOf(node)),
      op: cut(displayOp(node.op)),
      inputs: [...node.inputs, ...captured(node, graph)].map(placeOf),
      outputs: node.outputs.map(placeOf),
      ...fate,
      ...(changed.length > 0 && { changes: changed.slice(0, 8) }),
      ...(pass !== undefined && { pass: cut(pass) }),
      ...(from !== undefined && { from: cut(from) }),
    };
  });
  return { values, types, inputs, outputs: graph.outputs.map(placeOf), nodes };
}

/** Values of `graph` that the graphs nested in a node use. */
function captured(node: Node, graph: Graph): Set<Value> {
  const found = new Set<Value>();
  const keep = (value: Value | undefined) => value?.owner === graph && found.add(value);
  for (const body of node.subgraphs()) {
    body.outputs.forEach(keep);
    for (const inner of body.allNodes()) {
      inner.inputs.forEach(keep);
      for (const deeper of inner.subgraphs()) deeper.outputs.forEach(keep);
    }
  }
  return found;
}

/** What changed at each node of B's main graph, and in what is nested in it. */
function changesByNode({ nodes, weights, results }: Diff): Map<string, string[]> {
  const changes = new Map<string, string[]>();
  const add = (label: string, ...texts: string[]) => changes.set(label, [...(changes.get(label) ?? []), ...texts]);
  for (const { node, path, changes: of } of nodes.changed) if (path === '') add(node, ...of.map(inWords));
  const nested = [...nodes.changed, ...nodes.added, ...nodes.removed, ...weights.changed, ...weights.added, ...weights.removed, ...results];
  // A path begins with the label of the node that holds the graph, and the name of the attribute.
  for (const path of new Set(nested.map(n => n.path)))
    if (path !== '' && !path.startsWith('function ')) add(path.split(' / ')[0]!.replace(/ [^ ]+$/, ''), `inside: ${cut(path)}`);
  return changes;
}

const inWords = ({ what, before, after }: Change) => `${cut(what)}: ${cut(before ?? 'none')} → ${cut(after ?? 'none')}`;

const placesOf = (graph: Graph) => new Map([...graph.nodes()].map((node, i) => [node, i]));

const cut = (text: string) => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`);
