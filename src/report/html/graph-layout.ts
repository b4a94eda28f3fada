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

/**
 * Where boxes and edges go, from top to bottom. A network is mostly a chain of blocks: it is cut where all paths meet in one node, and
 * each part is laid out alone, because the time that takes grows faster than the graph does.
 */
export function place(graph: Folded): Placed {
  if (graph.items.length === 0) return { width: 0, height: 0, boxes: [], paths: [] };
  const parts = cut(graph).map(part => layOut(part.from, part.to, graph.edges));
  return stacked(graph, parts) ?? stacked(graph, [layOut(0, graph.items.length - 1, graph.edges)])!;
}

/** Boxes that a part has at least. */
const PART = 24;

interface Part {
  readonly from: number;
  readonly to: number;
}

/** Parts that share their ends: nodes that no edge leads past. */
function cut({ items, edges }: Folded): Part[] {
  // Edges lead forward, so the furthest that any edge before a node reaches tells whether one leads past it.
  const reach = new Array<number>(items.length).fill(0);
  for (const [from, to] of edges) reach[from] = Math.max(reach[from]!, to);
  const parts: Part[] = [];
  let from = 0;
  let furthest = 0;
  for (const i of items.keys()) {
    if (furthest <= i && i - from >= PART) {
      parts.push({ from, to: i });
      from = i;
    }
    furthest = Math.max(furthest, reach[i]!);
  }
  return [...parts, { from, to: items.length - 1 }];
}

interface Laid extends Part {
  readonly points: readonly Point[];
  readonly edges: readonly (readonly [edge: number, points: readonly Point[]])[];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function layOut(from: number, to: number, edges: Folded['edges']): Laid {
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 16, edgesep: 10, ranksep: 26 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (let i = from; i <= to; i++) graph.setNode(String(i), { width: boxWidth, height: boxHeight });
  const inside = [...edges.entries()].filter(([, [x, y]]) => x >= from && y <= to);
  for (const [, [x, y]] of inside) graph.setEdge(String(x), String(y));
  layout(graph);
  const points = Array.from({ length: to - from + 1 }, (_, i) => pointOf(graph.node(String(from + i))));
  return {
    from,
    to,
    points,
    edges: inside.map(([i, [x, y]]) => [i, (graph.edge(String(x), String(y)).points ?? []).map(pointOf)] as const),
  };
}

const pointOf = ({ x = 0, y = 0 }: { readonly x?: number; readonly y?: number }): Point => ({ x, y });

/** Parts below one another, joined at the nodes they share; undefined where such a node is not the end of its part. */
function stacked({ items, edges }: Folded, parts: readonly Laid[]): Placed | undefined {
  const boxes: Point[] = [];
  const paths: (readonly Point[])[] = edges.map(() => []);
  for (const part of parts) {
    const [first, last] = [part.points[0], part.points.at(-1)];
    const joint = boxes[part.from];
    const below = (p: Point, q: Point | undefined) => p === q || (q !== undefined && p.y > q.y);
    if (joint && !part.points.every(p => below(p, first))) return undefined;
    if (part.to < items.length - 1 && !part.points.every(p => p === last || (last && p.y < last.y))) return undefined;
    const shift = joint && first ? { x: joint.x - first.x, y: joint.y - first.y } : { x: 0, y: 0 };
    const moved = (p: Point) => ({ x: p.x + shift.x, y: p.y + shift.y });
    for (const [i, p] of part.points.entries()) boxes[part.from + i] = moved(p);
    for (const [i, points] of part.edges) paths[i] = points.map(moved);
  }
  const all = [...boxes, ...paths.flat()];
  const range = (of: (p: Point) => number) =>
    all.reduce(([low, high], p) => [Math.min(low, of(p)), Math.max(high, of(p))] as const, [
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ] as const);
  const [left, right] = range(p => p.x);
  const [top, bottom] = range(p => p.y);
  const origin = { x: left - boxWidth / 2 - MARGIN, y: top - boxHeight / 2 - MARGIN };
  const at = (p: Point) => ({ x: Math.round(p.x - origin.x), y: Math.round(p.y - origin.y) });
  return {
    width: Math.ceil(right - left + boxWidth + 2 * MARGIN),
    height: Math.ceil(bottom - top + boxHeight + 2 * MARGIN),
    boxes: boxes.map(at),
    paths: paths.map(points => smooth(points.map(at))),
  };
}

const MARGIN = 12;

/** Straight between boxes, round at the bends: each bend is the control point of a curve between the middles of its edges. */
function smooth(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (!first || !last) return '';
  const text = ({ x, y }: Point) => `${Math.round(x)} ${Math.round(y)}`;
  const curves = rest.map((p, i) => {
    const next = rest[i + 1];
    return `Q${text(p)} ${text(next ? { x: (p.x + next.x) / 2, y: (p.y + next.y) / 2 } : last)}`;
  });
  return `M${text(first)}${curves.join('') || `L${text(last)}`}`;
}
