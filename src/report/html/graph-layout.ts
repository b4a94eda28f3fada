import { Graph, layout } from '@dagrejs/dagre';
import type { Folded } from './graph-fold.ts';

export const boxWidth = 190;
export const boxHeight = 40;

export interface Placed {
  readonly width: number;
  readonly height: number;
  /** Centres of the boxes. */
  readonly boxes: readonly { readonly x: number; readonly y: number }[];
  readonly paths: readonly string[];
}

/** Where boxes and edges go, from top to bottom. */
export function place({ items, edges }: Folded): Placed {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 16, edgesep: 10, ranksep: 26, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const i of items.keys()) graph.setNode(String(i), { width: boxWidth, height: boxHeight });
  for (const [from, to] of edges) graph.setEdge(String(from), String(to));
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width: finite(width),
    height: finite(height),
    boxes: items.map((_, i) => {
      const { x, y } = graph.node(String(i));
      return { x: round(x), y: round(y) };
    }),
    paths: edges.map(([from, to]) => smooth(graph.edge(String(from), String(to)).points ?? [])),
  };
}

const round = (x: number | undefined) => Math.round(x ?? 0);
const finite = (x: number) => (Number.isFinite(x) ? Math.ceil(x) : 0);

/** Straight between boxes, round at the bends: each bend is the control point of a curve between the middles of its edges. */
function smooth(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (!first || !last) return '';
  const at = (p: { readonly x: number; readonly y: number }) => `${round(p.x)} ${round(p.y)}`;
  const curves = rest.map((p, i) => {
    const next = rest[i + 1];
    return `Q${at(p)} ${next ? at({ x: (p.x + next.x) / 2, y: (p.y + next.y) / 2 }) : at(last)}`;
  });
  return `M${at(first)}${curves.join('') || `L${at(last)}`}`;
}
