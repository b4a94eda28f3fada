import { createHash } from 'node:crypto';
import { h } from 'preact';
import { describe, expect, test } from 'vitest';
import { DistributionCharts, type Samples } from '../src/report/html/charts.tsx';
import { drawnPair } from '../src/report/html/graph-data.ts';
import { htmlReport } from '../src/report/html/html.ts';
import { page } from '../src/report/html/page.tsx';
import { reasons } from '../src/rewrite/refusal.ts';
import type { Layer } from '../src/verify/layer-report.ts';
import { type Case, reportOf } from '../src/verify/report.ts';
import { caseOf, hostile, hostileCase } from './support/html-reports.ts';

const render = (...cases: Case[]) => htmlReport(reportOf(cases));

describe('a report', () => {
  test('says first what was found, then what it rests on', async () => {
    const html = await render(caseOf('folded', { status: 'different', layers: 50 }));
    const order = [
      'The models do not compute the same',
      'Reasons',
      'Where it ran',
      'Outputs',
      'Layer by layer',
      'Self-check',
      'Inputs and',
    ];
    const places = order.map(text => html.indexOf(text));
    expect(places.every(p => p > 0)).toBe(true);
    expect(places).toEqual([...places].sort((x, y) => x - y));
  });

  test('names what is guilty, what fell back, what was mutated, and every hash', async () => {
    const of = caseOf('folded', { status: 'different', layers: 50 });
    const html = await render(of);
    const { layers, inputs, selfCheck } = of.verdict;
    for (const text of [layers!.culprits[0]!.node.name, 'NonMaxSuppression', '/head/Unique', '1.2921']) expect(html, text).toContain(text);
    for (const text of [...inputs.map(i => i.sha256), ...selfCheck!.mutations.map(m => m.kind)]) expect(html, text).toContain(text);
  });

  test('says what passes did, and why they left a place alone, beside the graph and in it', async () => {
    const place = { node: '/gone/bn', op: 'BatchNormalization' };
    const passes = [
      {
        pass: 'fold-batch-norm',
        fired: [{ node: '/made/bn', op: 'BatchNormalization', note: 'through a Pad' }],
        refused: [{ ...place, code: 'E_TRAINING', detail: reasons.E_TRAINING } as const],
      },
      { pass: 'fuse-pad', fired: [], refused: [{ ...place, code: 'E_SHAPE', detail: 'five sizes for four axes' } as const] },
    ];
    const html = await render({ ...caseOf('a', { status: 'same' }), passes });
    expect(html).toContain('1 place rewritten, 2 left alone.');
    expect(html).toContain(reasons.E_TRAINING);
    expect(html).toContain(`${reasons.E_SHAPE}: five sizes for four axes`);
    const node = { name: place.node, op: place.op, inputs: [0], outputs: [1], status: 'same' } as const;
    const graph = { values: ['x', 'y'], types: {}, inputs: [0], outputs: [1], nodes: [node] };
    const drawn = drawnPair({ ...caseOf('a', { status: 'same' }), passes, graphs: { a: graph, b: graph } })!;
    expect(drawn.b.nodes[1]!.facts).toContain('left alone by fuse-pad: five sizes for four axes');
  });

  test('of several cases tells which of them differ', async () => {
    const html = await render(caseOf('one'), caseOf('two', { status: 'different' }), caseOf('three'));
    expect(html).toContain('2 of 3 compute the same');
    expect(html.match(/<details[^>]* class="case"[^>]*>/g)?.map(tag => / open/.test(tag))).toEqual([false, true, false]);
  });

  test('of several cases tells which of them are weak', async () => {
    const one = caseOf('one');
    const warnings = ['unnoticed-mutation', 'software-adapter'].map(code => ({ code, where: 'self-check', message: 'nobody noticed' }));
    const warned = (name: string, all: typeof warnings) => ({ ...one, name, verdict: { ...one.verdict, warnings: all } });
    const html = await render(warned('one', warnings), warned('two', []));
    expect(html.match(/; \d+ warnings?</g)).toEqual(['; 1 warning<']);
  });

  test('of many cases draws charts for a hundred of them, those that differ first', async () => {
    const cases = Array.from({ length: 120 }, (_, i) => ({
      ...caseOf(`case ${i}`, { status: i < 110 ? 'same' : 'different', layers: 3 }),
    }));
    const html = await render(...cases);
    expect(html.match(/class="chart drift"/g)).toHaveLength(100);
    expect(html).toContain('Charts are drawn for 100 of 120 comparisons');
    const of = (i: number) => html.slice(html.indexOf(`id="case-${i}"`), i < 120 ? html.indexOf(`id="case-${i + 1}"`) : undefined);
    const isDrawn = (i: number) => of(i).includes('class="chart drift"');
    expect([isDrawn(1), isDrawn(90), isDrawn(91), isDrawn(110), isDrawn(111), isDrawn(120)]).toEqual([
      true,
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(of(100)).toContain('Numbers of 3 layers');
    expect(await render(...cases.slice(30))).not.toContain('Charts are drawn');
  });

  test('of nothing says that nothing was compared', async () => {
    expect(await render()).toContain('Nothing was compared');
    const interrupted = await htmlReport(reportOf([caseOf('one')], { complete: false, shard: { index: 2, count: 3 } }));
    expect(interrupted).toContain('Not complete: what is here holds');
    expect(interrupted).toContain('Part 2 of 3');
  });

  test('is the same, byte for byte, whatever the time it took', async () => {
    const of = caseOf('one', { layers: 30 });
    const later = { ...of, verdict: { ...of.verdict, timings: { total: 1, peakMemory: 2 } } };
    expect(await render(later)).toBe(await render(of));
  });

  test('bears a verdict that came to nothing', async () => {
    const { verdict } = caseOf('none');
    const bare = {
      status: 'invalid',
      same: false,
      summary: 'invalid: A: no model',
      a: undefined,
      b: undefined,
      inputs: [],
      configurations: [],
    };
    const { selfCheck: _, ...rest } = verdict;
    const html = await render({ name: 'none', verdict: { ...rest, ...bare } as Case['verdict'] });
    expect(html).toContain('A model is not valid');
    expect(html).not.toContain('Where it ran');
  });
});

describe('charts', () => {
  test('bear zeros, NaN, infinities, and numbers at the ends of the range', async () => {
    const of = caseOf('extremes', { status: 'different', layers: 6 });
    const odd = [0, 'NaN', 'Infinity', 5e-324, 1.7e308, '-Infinity'] as const;
    const layers = of.verdict.layers!.layers.map(
      (l, i): Layer => ({ ...l, local: { ...l.local, relativeL2: odd[i]! }, accumulated: { ...l.accumulated, relativeL2: odd[5 - i]! } }),
    );
    const [first, ...rest] = of.verdict.configurations;
    const results = first!.results.map(r => ({
      ...r,
      comparison: {
        ...r.comparison,
        histogram: [
          [-324, 1],
          [308, 9e15],
        ] as const,
      },
    }));
    const verdict = { ...of.verdict, configurations: [{ ...first!, results }, ...rest], layers: { ...of.verdict.layers!, layers } };
    const html = await render({ ...of, verdict });
    const numbers = [...html.matchAll(/ (?:d|x|y|x1|x2|y1|y2|width|height|cx|cy|transform)="([^"]*)"/g)].map(m => m[1]);
    expect(numbers.length).toBeGreaterThan(100);
    expect(numbers.filter(n => /NaN|Infinity|undefined/.test(n!))).toEqual([]);
  });

  test('of layers draw all of them', async () => {
    const points = (html: string) => [...html.matchAll(/ d="(M[^"]*)"/g)].map(m => m[1]!.split('L').length);
    expect(points(await render(caseOf('few', { layers: 40 }))).filter(n => n === 40)).toHaveLength(2);
    expect(points(await render(caseOf('many', { layers: 1000 }))).filter(n => n === 1000)).toHaveLength(2);
  });
});

describe('distributions', () => {
  const draw = (samples: readonly Samples[]) => page('t', h(DistributionCharts, { label: 'Latency', unit: 'ms', samples }));
  const ticks = (html: string) => html.match(/<g[^>]* aria-label="tick">.*?<\/g>/gs)?.map(g => g.match(/<line/g)?.length);

  test('each group has a picture, with every series in it', () => {
    const html = draw(['cpu', 'webgpu'].flatMap(group => ['A', 'B'].map(series => ({ group, series, values: [1, 2, 4, 8, 16] }))));
    expect([...html.matchAll(/aria-label="(Latency: [^"]*)"/g)].map(m => m[1])).toEqual(['Latency: cpu', 'Latency: webgpu']);
    // Ten values, and two medians.
    expect(ticks(html)).toEqual([10, 2, 10, 2]);
  });

  test('many values are thinned, none at all are no trouble', () => {
    const values = Array.from({ length: 5000 }, (_, i) => i);
    expect(ticks(draw([{ group: 'cpu', series: 'A', values }]))).toEqual([100, 1]);
    expect(draw([{ group: 'cpu', series: 'A', values: [] }])).not.toMatch(/="[^"]*NaN/);
    expect(draw([])).toContain('<main');
  });
});

describe('one file', () => {
  test('names nothing outside, and lets the browser load nothing', async () => {
    const html = await render(caseOf('one', { layers: 10 }));
    expect([...html.matchAll(/ (?:src|href|action|data)="([^"]*)"/g)].map(m => m[1]).filter(u => !/^(#|data:,)/.test(u!))).toEqual([]);
    expect(html).not.toMatch(/@import|url\((?!#)/);
    expect(html).toContain('default-src &#39;none&#39;'.replaceAll('&#39;', "'"));
  });

  test('runs its own script alone', async () => {
    const html = page('t', 'body');
    const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(m => m[1]!);
    expect(scripts).toHaveLength(1);
    expect(html).toContain(`script-src 'sha256-${createHash('sha256').update(scripts[0]!).digest('base64')}'`);
  });

  test('keeps names from files as text, wherever they stand', async () => {
    const clean = await render(caseOf('clean', { status: 'different', layers: 20 }));
    const html = await render(hostileCase());
    const tags = (text: string, name: string) => text.match(new RegExp(`<${name}\\b`, 'g'))?.length ?? 0;
    expect(tags(html, 'img')).toBe(0);
    // One for the graphs, which the other report lacks.
    expect(tags(html, 'script')).toBe(tags(clean, 'script') + 1);
    for (const name of hostile) expect(html.includes(name), name.slice(0, 40)).toBe(false);
    // A name of ten thousand characters stays out of the page.
    expect(html.length).toBeLessThan(600_000);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(/.{0,40}[\x00-\x08\x0b-\x1f\x7f]/.exec(html)?.[0]).toBeUndefined();
  });
});
