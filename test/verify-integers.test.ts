import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { bench, verify as verifyFiles } from '../src/api.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { factsIn } from '../src/verify/facts.ts';
import { generate, inputKinds } from '../src/verify/inputs.ts';
import { type VerifyOptions, verify } from '../src/verify/verify.ts';

const runtime = new Runtime();
afterAll(() => runtime.close());
const model = (text: string) => ({ bytes: encode(parse(text)) });
const check = (a: string, b: string, options?: VerifyOptions) => verify(model(a), model(b), { runtime, ...options });

/** An embedding of eight rows. */
const table = (e: string) => `g (int64[N, L] ids) => (float[N, L, 1] y) <float[8, 1] e = {${e}}> { y = Gather (e, ids) }`;

describe('indices of a table', () => {
  test('reach all of it: rows that only larger ones choose are compared', async () => {
    const right = table('0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5');
    const wrong = table('0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.6');
    expect(await check(right, right)).toMatchObject({ status: 'same', warnings: [] });
    expect(await check(right, wrong)).toMatchObject({ status: 'different', reasons: [{ code: 'output-values' }, {}] });
    for (const kind of ['normal', 'uniform', 'large', 'flips', 'edges'] as const)
      expect((await check(right, wrong, { kinds: [kind], optimizations: ['disabled'] })).status, kind).toBe('different');
  });

  test('stay within a table of fewer rows than are tried otherwise', async () => {
    const types = 'g (int64[N, L] types) => (float[N, L, 1] y) <float[2, 1] e = {0.5, 1.5}> { y = Gather (e, types) }';
    expect(await check(types, types)).toMatchObject({ status: 'same', warnings: [] });
  });

  test('are as wide in files, in models in memory, and in what is measured', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'funnel-integers-'));
    const [a, b] = ['0.5, 1.5', '0.5, 1.6'].map((e, i) => {
      const path = join(folder, `${i}.onnxtxt`);
      writeFileSync(path, table(e).replace('float[8', 'float[2'));
      return path;
    });
    try {
      expect(await verifyFiles(a!, a!)).toMatchObject({ status: 'same', warnings: [] });
      expect((await verifyFiles(a!, b!)).status).toBe('different');
      // Two rows: an index of 2 would end the measuring.
      expect((await bench(a!, a!, { runs: 6, launches: 1 })).configurations).toHaveLength(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('where nothing tells which integers make sense', () => {
  const repeat = 'g (float[4] x, int64[1] n) => (float[K] y) { y = Tile (x, n) }';
  const narrow = { code: 'narrow-integers', where: "input 'n'", message: expect.stringContaining('only 0…3 were tried') };

  test('a few small ones are tried, and the verdict says so', async () => {
    expect(await check(repeat, repeat, { kinds: ['normal', 'flips'] })).toMatchObject({ status: 'same', warnings: [narrow] });
    const computed = table('0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5').replace('y = Gather (e, ids)', 's = Mul (e, e) y = Gather (s, ids)');
    expect(await check(computed, computed)).toMatchObject({ status: 'same', warnings: [{ ...narrow, where: "input 'ids'" }] });
  });

  test('but for data, and for kinds that are one value', async () => {
    const feeds = { x: { dims: [4], data: [1, 2, 3, 4] }, n: { dims: [1], data: [7] } };
    expect(await check(repeat, repeat, { data: [[{ feeds }]] })).toMatchObject({ status: 'same', warnings: [] });
    expect((await check(repeat, repeat, { kinds: ['zeros'] })).warnings.map(w => w.code)).not.toContain('narrow-integers');
  });

  test('bytes are tried in their whole range', async () => {
    const bytes = 'g (uint8[4] x) => (float[4] y) { y = Cast <to = 1> (x) }';
    expect(await check(bytes, bytes)).toMatchObject({ status: 'same', warnings: [] });
  });
});

test('attention masks are 0 and 1: any other would make infinities of the penalty', async () => {
  const attention = `g (float[N, 4] x, int64[N, 4] mask) => (float[N, 4] y) <float one = {1.0}, float least = {-3.4e38}> {
    f = Cast <to = 1> (mask) i = Sub (one, f) p = Mul (i, least) s = Add (x, p) y = Softmax (s) }`;
  expect(factsIn(parse(attention)).integers.get('mask')).toEqual({ below: 2, certain: true });
  expect(await check(attention, attention)).toMatchObject({ status: 'same', warnings: [] });
});

const range = (text: string) => factsIn(parse(text)).integers.get('i');
const header = '<ir_version: 8, opset_import: ["" : 17, "local" : 1, "com.microsoft" : 1]> ';
/** A model whose input `i` comes to something. */
const use = (nodes: string, more = '', shape = '[2, 3]') =>
  `${header}g (int64${shape} i${more}) => (y)
   <float[50, 4] t = ["location": "fill:1"], float[7, 4] small = ["location": "fill:1"], int64[1] zero = {0}, int64[1] one = {1}, int64 depth = {9}, float[2] ends = {0.0, 1.0}> { ${nodes} }`;

test('what is only asked to be true or not is 0 or 1', () => {
  const truth = 'u = Unsqueeze (i, one) c = Cast <to = 9> (u) y = Where (c, depth, depth)';
  expect(range(use(truth))).toEqual({ below: 2, certain: true });
  expect(range(use(`${truth.replace('y =', 'a =')} f = Cast <to = 1> (i) y = Sqrt (f)`))).toBeUndefined();
  expect(range(use(`${truth.replace('y =', 'a =')} y = Gather (t, i)`))).toEqual({ below: 50, certain: true });
});

describe('what an input indexes', () => {
  test.each([
    ['rows', 'y = Gather (t, i)', 50],
    ['columns', 'y = Gather <axis = -1> (t, i)', 4],
    ['the smaller of two tables', 'a = Gather (t, i) b = Gather (small, i) y = Add (a, b)', 7],
    ['a table stored in half precision', 'h = Cast <to = 10> (t) f = Cast <to = 1> (h) y = Gather (f, i)', 50],
    [
      'after views',
      'f = Flatten (i) u = Unsqueeze (f, zero) s = Slice (u, zero, one) c = Concat <axis = 0> (s, s) n = Cast <to = 6> (c) y = Gather (t, n)',
      50,
    ],
    ['an offset after it', 'p = Add (one, i) y = Gather (t, p)', 49],
    ['elements', 'y = GatherElements (t, i)', 50],
    ['tuples', 'y = GatherND (t, i)', 4],
    ['classes', 'y = OneHot (i, depth, ends)', 9],
    ['and is compared and measured besides', 'e = Equal (i, one) s = Shape (i) m = ArgMax (i) g = Gather (t, i) y = Identity (g)', 50],
    [
      'inside a branch',
      'e = Equal (depth, depth) y = If (e) <then_branch = g1 () => (float[2, 3, 4] a) { a = Gather (t, i) }, else_branch = g2 () => (float[2, 3, 4] b) { b = Gather (small, i) }>',
      7,
    ],
    ['of ONNX Runtime', 'y = com.microsoft.GatherBlockQuantized (t, i, ends)', 50],
  ])('%s', (_, nodes, below) => expect(range(use(nodes))).toEqual({ below, certain: true }));

  test('in a function', () => {
    const text = `${use('y = local.Embed (t, i)')}\n<domain: "local", opset_import: ["" : 17]> Embed (w, at) => (o) { o = Gather (w, at) }`;
    expect(range(text)).toEqual({ below: 50, certain: true });
  });

  test.each([
    ['a size', 'y = Expand (t, i)'],
    ['a count', 'y = TopK (t, i)'],
    ['an end', 'y = Slice (t, zero, i)'],
    ['a range', 'l = Squeeze (i) y = Range (depth, l, depth)'],
    ['a depth', 'l = Squeeze (i) y = OneHot (zero, l, ends)'],
    ['something computed', 'p = Mul (i, i) y = Gather (t, p)'],
    ['a table of unknown size', 'r = Reshape (t, i) y = Gather (r, i)'],
    ['a number', 'f = Cast <to = 1> (i) y = Mul (f, f)'],
    ['what falls below zero', 'p = Sub (i, one) y = Gather (t, p)'],
    ['a foreign operator', 'y = local.Thing (i)'],
  ])('not %s', (_, nodes) => expect(range(use(nodes))).toBeUndefined());

  test.each([
    ['a size', 'r = Expand (t, i) g = Gather (t, i)'],
    ['something computed', 'p = Mul (i, i) r = Gather (t, p) g = Gather (t, i)'],
    ['something computed in float', 'f = Cast <to = 1> (i) q = Sqrt (f) k = Cast <to = 7> (q) r = Gather (t, k) g = Gather (t, i)'],
    ['a foreign operator', 'r = local.Thing (i) g = Gather (t, i)'],
  ])('not for certain where it is %s, too', (_, nodes) =>
    expect(range(use(`${nodes} y = Identity (g)`))).toEqual({ below: 50, certain: false }),
  );
});

test('kinds take the whole of a table, its start, its ends', () => {
  const inputs = [{ name: 'i', dtype: 'int64', shape: [64] }] as const;
  const integers = new Map([['i', { below: 1000, certain: true }]]);
  const of = (kind: (typeof inputKinds)[number]) =>
    Array.from(
      generate(inputs, [{ i: [64] }], [kind], 0, integers)[0]!
        .feeds()
        .i!.numbers(),
    );
  for (const kind of ['normal', 'uniform', 'large', 'flips'] as const) {
    const values = of(kind);
    expect([Math.min(...values), Math.max(...values)]).toEqual([0, 999]);
    expect(new Set(values).size).toBeGreaterThan(50);
  }
  expect(new Set(of('zeros'))).toEqual(new Set([0]));
  expect(Math.max(...of('tiny'))).toBeLessThan(999);
  expect(new Set(of('edges'))).toEqual(new Set([0, 1, 998, 999]));
  expect(new Set(inputKinds.map(kind => of(kind).join())).size).toBe(7);
});
