import type { Drawn, DrawnPair } from './drawn.ts';

/** What is seen of a pair of graphs. Nodes are given by their places. */
export interface View {
  /** Unchanged nodes on either side of what changed; undefined for all nodes. */
  readonly context: number | undefined;
  /** Nodes that were opened by hand. */
  readonly opened: { readonly a: ReadonlySet<number>; readonly b: ReadonlySet<number> };
}

/** A box of the folded graph: one node, or a stretch of nodes that is folded up. */
export interface Item {
  readonly key: string;
  readonly nodes: readonly number[];
  readonly folded: boolean;
}

export interface Folded {
  readonly items: readonly Item[];
  readonly edges: readonly (readonly [from: number, to: number])[];
}

/** A graph this small is shown whole. */
const SMALL = 30;
/** Nodes that are shown unasked: beyond, context is given up first, then changed nodes. */
const MOST = 80;
/** Nodes that one click opens; of longer stretches both ends. */
const STEP = 60;

/**
 * The interesting part of two graphs: what changed, its neighbours, and what stands for those in the other graph. What lies between is
 * folded up, in stretches that follow one another, so that no cycle comes to be.
 */
export function fold({ a, b }: DrawnPair, view: View): { readonly a: Folded; readonly b: Folded } {
  const [ofA, ofB] = [shown(a, view.context, view.opened.a), shown(b, view.context, view.opened.b)];
  for (const i of ofB.focus) keep(b.nodes[i]!.twin, ofA.all);
  for (const i of ofA.focus) keep(a.nodes[i]!.twin, ofB.all);
  return { a: folded(a, ofA.all), b: folded(b, ofB.all) };
}

function keep(place: number | undefined, places: Set<number>): void {
  if (place !== undefined) places.add(place);
}

function shown(
  graph: Drawn,
  context: number | undefined,
  opened: ReadonlySet<number>,
): { readonly all: Set<number>; readonly focus: Set<number> } {
  const every = new Set(graph.nodes.keys());
  if (context === undefined || every.size <= SMALL) return { all: every, focus: new Set() };
  const ends = [...every].filter(i => graph.nodes[i]!.kind !== 'node').slice(0, SMALL);
  const changed = [...every].filter(i => graph.nodes[i]!.guilty || graph.nodes[i]!.status !== 'same');
  let focus = new Set(changed.sort((x, y) => Number(graph.nodes[y]!.guilty) - Number(graph.nodes[x]!.guilty) || x - y).slice(0, MOST));
  for (let k = 0; k < context; k++) {
    const wider = neighbours(graph, focus);
    if (wider.size > MOST) break;
    focus = wider;
  }
  return { all: new Set([...ends, ...focus, ...opened]), focus: new Set([...focus, ...opened]) };
}

function neighbours({ edges }: Drawn, of: ReadonlySet<number>): Set<number> {
  const wider = new Set(of);
  for (const [from, to] of edges) {
    if (of.has(from)) wider.add(to);
    if (of.has(to)) wider.add(from);
  }
  return wider;
}

function folded(graph: Drawn, seen: ReadonlySet<number>): Folded {
  const items: Item[] = [];
  const itemOf: number[] = [];
  let stretch: number[] = [];
  const put = (nodes: readonly number[]) => {
    const at = items.push({ key: `${nodes.length > 1 ? '…' : ''}${nodes[0]}`, nodes, folded: nodes.length > 1 }) - 1;
    for (const node of nodes) itemOf[node] = at;
  };
  const close = () => {
    if (stretch.length > 0) put(stretch);
    stretch = [];
  };
  for (const i of graph.nodes.keys()) {
    if (!seen.has(i)) stretch.push(i);
    else {
      close();
      put([i]);
    }
  }
  close();
  const edges = new Map<string, readonly [number, number]>();
  for (const [from, to] of graph.edges) {
    const [x, y] = [itemOf[from]!, itemOf[to]!];
    if (x !== y) edges.set(`${x} ${y}`, [x, y]);
  }
  return { items, edges: [...edges.values()] };
}

/** A view in which a folded stretch is open, and what stands for it in the other graph. */
export function open(pair: DrawnPair, view: View, side: 'a' | 'b', nodes: readonly number[]): View {
  const more = nodes.length <= 2 * STEP ? nodes : [...nodes.slice(0, STEP), ...nodes.slice(-STEP)];
  const twins = more.flatMap(i => pair[side].nodes[i]!.twin ?? []);
  const other = side === 'a' ? 'b' : 'a';
  const opened = { ...view.opened, [side]: new Set([...view.opened[side], ...more]), [other]: new Set([...view.opened[other], ...twins]) };
  return { ...view, opened };
}
