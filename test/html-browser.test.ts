import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { diff } from '../src/inspect/diff.ts';
import { sketchOf } from '../src/inspect/sketch.ts';
import { htmlReport } from '../src/report/html/html.ts';
import { parse } from '../src/text/parse.ts';
import { type Case, reportOf } from '../src/verify/report.ts';
import { findChromium, Reader } from './support/browser.ts';
import { caseOf, chain, hostileCase } from './support/html-reports.ts';

const chromium = findChromium();
const render = (...cases: Case[]) => htmlReport(reportOf(cases));

/** A case whose models differ in some of `count` nodes; the middle one is guilty. */
function withGraphs(count: number): Case {
  const [a, b] = [parse(chain(count)), parse(chain(count, 'n', (op, i) => (i % Math.ceil(count / 3) === 20 && op !== 'Add' ? 'Neg' : op)))];
  const changes = diff(a, b);
  const of = caseOf('chain', { status: 'different', layers: count });
  const [name] = changes.nodes.changed.map(n => n.node);
  const node = { name: name!, operator: 'Neg' };
  const culprit = { value: name!, node, nodes: { a: [], b: [node] }, message: 'off' };
  const verdict = { ...of.verdict, layers: { ...of.verdict.layers!, culprits: [culprit] } };
  return { ...of, verdict, diff: changes, graphs: sketchOf(a, b, changes) };
}

describe.skipIf(!chromium)('in a browser', () => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.start(chromium!);
  });
  afterAll(() => reader.close());

  /** What every page must be like. */
  const expectClean = async ({ page, complaints, requests, url }: Awaited<ReturnType<Reader['open']>>) => {
    expect(complaints).toEqual([]);
    expect(requests).toEqual([url]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  };
  const textOf = async (page: Awaited<ReturnType<Reader['open']>>['page'], selector: string) =>
    (await page.$eval(selector, e => (e as unknown as { innerText: string }).innerText)).trim();
  const count = (page: Awaited<ReturnType<Reader['open']>>['page'], selector: string) => page.$$eval(selector, all => all.length);

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('a report opens in %s, %i pixels wide, and asks for nothing', async (scheme, width) => {
    const opened = await reader.open(await render(withGraphs(90)), { scheme, width });
    expect(await textOf(opened.page, '.verdict')).toContain('The models do not compute the same');
    await opened.page.$eval('.graphs', e => (e as unknown as { scrollIntoView(): void }).scrollIntoView());
    await opened.page.waitForSelector('.tools');
    await expectClean(opened);
  });

  test('every colour of text stands out from what is behind it, in light and in dark', async () => {
    for (const scheme of ['light', 'dark'] as const) {
      const { page } = await reader.open(await render(withGraphs(90)), { scheme });
      const ratios = (await page.evaluate(contrast)) as [string, number][];
      expect(ratios.length).toBeGreaterThan(10);
      expect(
        ratios.filter(([, ratio]) => ratio < 4.5),
        scheme,
      ).toEqual([]);
      await page.close();
    }
  });

  test('without JavaScript the verdict, the tables, the charts and the graphs are there', async () => {
    const opened = await reader.open(await render(withGraphs(90)), { script: false });
    expect(await textOf(opened.page, 'h2')).toContain('do not compute the same');
    expect(await count(opened.page, '.chart svg path')).toBeGreaterThan(3);
    expect(await count(opened.page, '.box.guilty')).toBeGreaterThan(0);
    expect(await count(opened.page, 'button:not([hidden])')).toBe(0);
    await expectClean(opened);
  });

  test('a folded stretch opens by click and by key, in both graphs', async () => {
    const opened = await reader.open(await render(withGraphs(90)));
    const { page } = opened;
    await page.$eval('.graphs', e => (e as unknown as { scrollIntoView(): void }).scrollIntoView());
    await page.waitForSelector('.tools');
    const before = await count(page, '.canvas .box');
    const folded = await count(page, '.folded');
    await page.$eval('.folded', e => e.dispatchEvent(new Event('click', { bubbles: true })));
    await page.waitForFunction(`document.querySelectorAll('.folded').length === ${folded - 2}`);
    expect(await count(page, '.canvas .box')).toBeGreaterThan(before);
    await page.$eval('.folded', e => (e as unknown as { focus(): void }).focus());
    await page.keyboard.press('Enter');
    await page.waitForFunction(`document.querySelectorAll('.folded').length === ${folded - 4}`);
    await expectClean(opened);
  });

  test('a node tells what is known of it, and shows what it is in the other graph', async () => {
    const { page } = await reader.open(await render(withGraphs(90)));
    await page.$eval('.graphs', e => (e as unknown as { scrollIntoView(): void }).scrollIntoView());
    await page.waitForSelector('.tools');
    await page.$eval('.canvas[data-side=b] .guilty', e => e.dispatchEvent(new Event('click', { bubbles: true })));
    await page.waitForSelector('.details');
    const told = await textOf(page, '.details');
    expect(told).toMatch(/In A\s+Abs n50, changed/);
    expect(told).toMatch(/In B\s+Neg n50, guilty/);
    expect(told).toContain('operator: Abs → Neg');
    expect(await count(page, '.chosen')).toBe(2);
  });

  test('a thousand nodes can be shown, zoomed, and folded again', async () => {
    const opened = await reader.open(await render(withGraphs(1000)));
    const { page } = opened;
    await page.$eval('.graphs', e => (e as unknown as { scrollIntoView(): void }).scrollIntoView());
    await page.waitForSelector('.tools');
    expect(await count(page, '.canvas .box')).toBeLessThan(100);
    const press = (title: string) =>
      page.$eval(`button[title="${title}"], button[aria-label="${title}"]`, e => e.dispatchEvent(new Event('click', { bubbles: true })));
    await press('all nodes');
    await page.waitForFunction("document.querySelectorAll('.canvas .box').length > 2000");
    const width = () => page.$eval('.canvas svg', e => Number(e.getAttribute('width')));
    const wide = await width();
    await press('Smaller');
    await page.waitForFunction(`Number(document.querySelector('.canvas svg').getAttribute('width')) < ${wide}`);
    await press('what changed');
    await page.waitForFunction("document.querySelectorAll('.canvas .box').length < 100");
    await expectClean(opened);
  });

  test('the pointer over the drift reads the layer under it', async () => {
    const { page } = await reader.open(await render(caseOf('layers', { status: 'different', layers: 101 })));
    const chart = (await page.$('.layers .chart svg'))!;
    await chart.scrollIntoView();
    const box = (await chart.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const reading = await textOf(page, '.reading');
    expect(reading).toMatch(/^(49|50|51|52|53)\. \w+ \/layer\d+\/Relu/);
    expect(reading).toContain('allowed 5.0e-6');
  });

  test('the theme can be switched, and is remembered', async () => {
    const { page } = await reader.open(await render(caseOf('theme')), { scheme: 'light' });
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await paper();
    await page.click('#theme');
    await page.click('#theme');
    expect(await textOf(page, '#theme')).toBe('Theme: dark');
    expect(await paper()).not.toBe(light);
    await page.reload();
    expect(await paper()).not.toBe(light);
  });

  test('a link opens its case', async () => {
    const { page } = await reader.open(await render(caseOf('one'), caseOf('two')));
    await page.click('a[href="#case-2"]');
    await page.waitForSelector('#case-2[open]');
    expect(await count(page, '#case-1[open]')).toBe(0);
  });

  test('names from files do nothing', async () => {
    const opened = await reader.open(await render(hostileCase()));
    const { page } = opened;
    const title = await page.title();
    await page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })");
    await page.$eval('.graphs', e => (e as unknown as { scrollIntoView(): void }).scrollIntoView());
    await page.waitForSelector('.tools');
    await page.$eval('.canvas .box.guilty, .canvas .box.changed', e => e.dispatchEvent(new Event('click', { bubbles: true })));
    await page.waitForSelector('.details');
    expect(await page.title()).toBe(title);
    expect(title).not.toBe('pwned');
    expect(await count(page, 'img, b, [onmouseover], [onerror]')).toBe(0);
    await expectClean(opened);
  });
});

/** Contrast of text with what is behind it, by WCAG, for each pair of colours that the page has. Runs in the page. */
const contrast = `(() => {
  const parse = text => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => { const f = x => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const behind = e => { for (; e; e = e.parentElement) {
    const own = e.classList.contains('box') && e.querySelector(':scope > rect') ? getComputedStyle(e.querySelector(':scope > rect')).fill : getComputedStyle(e).backgroundColor;
    if (own !== 'rgba(0, 0, 0, 0)' && own !== 'none') return own; } return 'white'; };
  const seen = new Map();
  for (const e of document.querySelectorAll('main *')) {
    if (e.closest('script, title, .definitions') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const ink = e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color;
    const paper = behind(e instanceof SVGElement && e.closest('.box') || e);
    const [x, y] = [luminance(parse(ink)), luminance(parse(paper))].sort((p, q) => q - p);
    seen.set(ink + ' on ' + paper + ' ' + e.tagName, (x + 0.05) / (y + 0.05));
  }
  return [...seen];
})()`;
