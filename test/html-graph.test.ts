import { describe, expect, test } from 'vitest';
import type { Drawn, DrawnPair } from '../src/report/html/drawn.ts';
import { type Folded, fold, open, type View } from '../src/report/html/graph-fold.ts';
import { boxHeight, boxWidth, place } from '../src/report/html/graph-layout.ts';
import { random } from '../src/tensor/random.ts';

const closed: View = { context: 2, opened: { a: new Set(), b: new Set() } };

/** A graph of `count` nodes; node i has edges from `sources(i)`, and those in `changed` are not as they were. */
function drawn(count: number, sources: (i: number) => readonly number[], changed: readonly number[] = []): Drawn {
  const nodes = Array.from({ length: count }, (_, i) => ({
    kind: 'node' as const,
    op: 'Relu',
    name: `n${i}`,
    status: changed.includes(i) ? ('changed' as const) : ('same' as const),
    guilty: false,
    twin: i,
    facts: [],
  }));
  const edges = nodes.flatMap((_, i) => [...new Set(sources(i))].filter(s => s >= 0 && s < i).map(s => [s, i] as const));
  return { title: 't', nodes, edges };
}

const chain = (i: number) => [i - 1];
const pairOf = (graph: Drawn, other = graph): DrawnPair => ({ a: graph, b: other });
const sizes = ({ items }: Folded) => items.map(i => i.nodes.length);

describe('folding', () => {
  test('shows what changed and its neighbours, and folds up the rest', () => {
    expect(sizes(fold(pairOf(drawn(100, chain, [50])), closed).a)).toEqual([48, 1, 1, 1, 1, 1, 47]);
    expect(sizes(fold(pairOf(drawn(100, chain, [50])), { ...closed, context: 0 }).a)).toEqual([50, 1, 49]);
    expect(sizes(fold(pairOf(drawn(100, chain, [50])), { ...closed, context: undefined }).a)).toHaveLength(100);
  });

  test('a small graph is shown whole, and one without changes is one box', () => {
    expect(sizes(fold(pairOf(drawn(20, chain)), closed).a)).toHaveLength(20);
    expect(sizes(fold(pairOf(drawn(100, chain)), closed).a)).toEqual([100]);
  });

  test('shows in each graph what stands for what changed in the other', () => {
    const { a, b } = fold(pairOf(drawn(100, chain), drawn(100, chain, [50])), closed);
    expect(sizes(a)).toEqual(sizes(b));
  });

  test('shows little of a graph in which everything changed, the guilty node first', () => {
    const graph = drawn(
      1000,
      chain,
      Array.from({ length: 1000 }, (_, i) => i),
    );
    const guilty = { ...graph, nodes: graph.nodes.map((n, i) => ({ ...n, guilty: i === 900 })) };
    const { items } = fold(pairOf(guilty), closed).a;
    expect(items.length).toBeLessThan(200);
    expect(items.some(i => !i.folded && i.nodes[0] === 900)).toBe(true);
  });

  test('opening shows a stretch in both graphs, of a long one both ends', () => {
    const pair = pairOf(drawn(100, chain, [50]));
    const view = open(pair, closed, 'b', fold(pair, closed).b.items[0]!.nodes);
    expect(sizes(fold(pair, view).b)).toEqual([...Array(53).fill(1), 47]);
    expect(sizes(fold(pair, view).a)).toEqual(sizes(fold(pair, view).b));
    const long = pairOf(drawn(1000, chain, [999]));
    const first = fold(long, closed).a.items[0]!.nodes;
    const opened = fold(long, open(long, closed, 'a', first)).a;
    expect(sizes(opened).filter(n => n > 1)).toEqual([first.length - 120]);
  });
});

/** Random graphs: chains with skips, branches that end, and nodes without edges. */
const graphs = Array.from({ length: 24 }, (_, seed) => {
  const next = random(seed);
  const count = 1 + Math.floor(next() * 120);
  const ends = new Set(Array.from({ length: count }, (_, i) => i).filter(() => next() < 0.06));
  const back = (i: number) => {
    let source = i - 1;
    while (ends.has(source)) source--;
    return source;
  };
  const sources = (i: number) => (next() < 0.05 ? [] : [back(i), ...(next() < 0.2 ? [i - 1 - Math.floor(next() * 12)] : [])]);
  const changed = Array.from({ length: count }, (_, i) => i).filter(() => next() < 0.04);
  return drawn(count, sources, changed);
});

describe('any graph', () => {
  test('folded, has each node once and edges that lead forward', () => {
    for (const graph of graphs) {
      const { items, edges } = fold(pairOf(graph), closed).a;
      expect(items.flatMap(i => i.nodes)).toEqual([...graph.nodes.keys()]);
      expect(edges.every(([from, to]) => from < to)).toBe(true);
      expect(new Set(items.map(i => i.key)).size).toBe(items.length);
    }
  });

  test.each([2, undefined])('laid out (context %s), has no box on another, and edges that go down from box to box', context => {
    for (const graph of graphs) {
      const folded = fold(pairOf(graph), { ...closed, context }).a;
      const { boxes, paths, width, height } = place(folded);
      for (const [i, p] of boxes.entries()) {
        expect(p.x - boxWidth / 2).toBeGreaterThanOrEqual(0);
        expect(p.x + boxWidth / 2).toBeLessThanOrEqual(width);
        expect(p.y + boxHeight / 2).toBeLessThanOrEqual(height);
        for (const q of boxes.slice(0, i)) expect(Math.abs(p.x - q.x) >= boxWidth || Math.abs(p.y - q.y) >= boxHeight).toBe(true);
      }
      for (const [i, [from, to]] of folded.edges.entries()) {
        expect(boxes[from]!.y).toBeLessThan(boxes[to]!.y);
        expect(paths[i]).toMatch(/^M\d+ \d+(Q\d+ \d+ \d+ \d+)+$|^M\d+ \d+L\d+ \d+$/);
      }
    }
  });

  test('of nothing is nothing', () => {
    expect(place({ items: [], edges: [] })).toEqual({ width: 0, height: 0, boxes: [], paths: [] });
  });
});
