import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Chalk } from 'chalk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { passes } from '../passes/index.ts';
import { type Diff, diff } from '../src/inspect/diff.ts';
import { Node } from '../src/ir/node.ts';
import { opOf } from '../src/ir/op.ts';
import { diffText } from '../src/report/diff-text.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { decode, encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { runFunnel } from './support/cli.ts';

const header = '<ir_version: 8, opset_import: ["" : 17]>\n';
const base = `g (float[1,2] x) => (float[1,2] y) <float[2] w = {1, 2}, float[2] v = {3, 4}> {
  [first] a = Add (x, w)
  b = LeakyRelu <alpha = 0.5> (a)
  y = Mul (b, v)
}`;
/** The differences alone: lists that are empty, and counts, are left out. */
function told(before: string, after: string, headerAfter = header): unknown {
  const { schema, same, nodes, weights, functions, ...rest } = diff(parse(header + before), parse(headerAfter + after));
  expect(schema).toBe('onnx-funnel/diff@1');
  const all = {
    ...rest,
    ...Object.fromEntries(Object.entries(nodes).map(([k, v]) => [`nodes.${k}`, v])),
    ...Object.fromEntries(Object.entries(weights).map(([k, v]) => [`weights.${k}`, v])),
    ...Object.fromEntries(Object.entries(functions).map(([k, v]) => [`functions.${k}`, v])),
  };
  const left = Object.fromEntries(Object.entries(all).filter(([, v]) => Array.isArray(v) && v.length > 0));
  expect(same).toBe(Object.keys(left).length === 0);
  return left;
}

describe('what tells two models apart', () => {
  test('nothing', () => {
    expect(told(base, base)).toEqual({});
    expect(told(base, base.replace('Add (x, w)', 'Add (w, x)')), 'operands that may be exchanged').toEqual({});
    const relu = (attributes: string) => `g (float[1,2] x) => (float[1,2] y) { y = LeakyRelu ${attributes} (x) }`;
    expect(told(relu(''), relu('<alpha = 0.01>')), 'a default spelled out').toEqual({});
  });

  test('attributes, operands, weights', () => {
    expect(told(base, base.replace('0.5', '0.25'))).toEqual({
      'nodes.changed': [{ node: 'b', op: 'LeakyRelu', path: '', changes: [{ what: 'attribute alpha', before: '0.5', after: '0.25' }] }],
    });
    expect(told(base, base.replace('Mul (b, v)', 'Mul (b, w)'))).toEqual({
      'nodes.changed': [{ node: 'y', op: 'Mul', path: '', changes: [{ what: 'input B', before: 'v', after: 'w' }] }],
    });
    expect(told(base, base.replace('{3, 4}', '{3, 4.5}'))).toEqual({
      'weights.changed': [{ name: 'v', path: '', type: 'float[2]', maxAbs: 0.5, relative: 0.125 }],
    });
    expect(told(base, base.replace('float[2] v = {3, 4}', 'float[1] v = {3}'))).toEqual({
      'weights.changed': [{ name: 'v', path: '', type: 'float[2]', typeAfter: 'float[1]' }],
    });
  });

  test('a rename is a rename, of weights and of results', () => {
    expect(told(base, base.replaceAll(/\bw\b/g, 'weight'))).toEqual({ 'weights.renamed': [{ path: '', before: 'w', after: 'weight' }] });
    expect(told(base, base.replaceAll(/\bb\b/g, 'hidden'))).toEqual({ 'nodes.renamed': [{ path: '', before: 'b', after: 'hidden' }] });
    expect(told(base, base.replaceAll(/\ba\b/g, 'p').replaceAll(/\bb\b/g, 'q').replace('[first]', '[start]'))).toEqual({
      'nodes.renamed': [
        { path: '', before: 'first (a)', after: 'start (p)' },
        { path: '', before: 'b', after: 'q' },
      ],
    });
  });

  test('nodes come and go', () => {
    const longer = base.replace('y = Mul (b, v)', 'c = Neg (b)\n  y = Mul (c, v)');
    expect(told(base, longer)).toEqual({
      'nodes.added': [{ node: 'c', op: 'Neg', path: '' }],
      'nodes.changed': [{ node: 'y', op: 'Mul', path: '', changes: [{ what: 'input A', before: 'b', after: 'c' }] }],
    });
    expect(told(longer, base)).toMatchObject({ 'nodes.removed': [{ node: 'c', op: 'Neg' }] });
    expect(told(base, base.replace('y = Mul', 'y = Div'))).toEqual({
      'nodes.changed': [{ node: 'y', op: 'Div', path: '', changes: [{ what: 'operator', before: 'Mul', after: 'Div' }] }],
    });
  });

  test('interface and model', () => {
    expect(told(base, base.replace('float[1,2] x', 'float[N,2] x'))).toEqual({
      interface: [{ what: 'input x', before: 'float[1,2]', after: 'float[N,2]' }],
    });
    expect(told(base, base.replaceAll(/\bx\b/g, 'image'))).toEqual({
      interface: [{ what: 'name of input 0', before: 'x', after: 'image' }],
    });
    expect(told(base, base.replace('float[1,2] x', 'float[1,2] x, float z'))).toEqual({
      interface: [{ what: 'input z', before: undefined, after: 'float' }],
    });
    const two = 'g (float[2] a, float[2] b) => (float[2] y) { y = Sub (a, b) }';
    expect(told(two, two.replace('float[2] a, float[2] b', 'float[2] b, float[2] a'))).toEqual({
      interface: [{ what: 'order of inputs', before: 'a, b', after: 'b, a' }],
    });
    expect(told(base, base, header.replace('8', '9').replace('17', '18'))).toEqual({
      model: [
        { what: 'IR version', before: '8', after: '9' },
        { what: 'operator set of ai.onnx', before: '17', after: '18' },
      ],
    });
  });

  test('nested graphs and functions, with their path', () => {
    const nested = `g (float[1,2] x, bool c) => (float[1,2] y) {
      y = If (c) <then_branch = t () => (float[1,2] p) { p = LeakyRelu <alpha = 0.5> (x) }, else_branch = e () => (float[1,2] q) { q = Neg (x) }>
    }`;
    expect(told(nested, nested.replace('0.5', '0.25').replace('q = Neg (x)', 'r = Abs (x) q = Neg (r)'))).toMatchObject({
      'nodes.changed': [
        { node: 'p', path: 'y then_branch' },
        { node: 'q', path: 'y else_branch' },
      ],
      'nodes.added': [{ node: 'r', path: 'y else_branch' }],
    });
    const calling = (f: string) => `g (float[1,2] x) => (float[1,2] y) { y = f.F (x) }\n${f}`;
    const f = '<domain: "f", opset_import: ["" : 17]> F (a) => (b) { b = Neg (a) }';
    const imports = header.replace('17', '17, "f" : 1');
    const by = (after: string) => diff(parse(imports + calling(f)), parse(imports + calling(after)));
    expect(by(f).same).toBe(true);
    expect(by(f.replace('Neg', 'Abs')).nodes.changed).toMatchObject([{ node: 'b', path: 'function f.F' }]);
    expect(by(f.replace('(a) =>', '(a, z) =>')).functions.changed).toEqual([{ what: 'f.F: inputs', before: 'a', after: 'a, z' }]);
  });

  test('what gives another result of a nested graph', () => {
    const nested = (result: string) => `g (float[1,2] x, bool c) => (float[1,2] y) {
      y = If (c) <then_branch = t () => (float[1,2] ${result}) { p = Abs (x) r = Neg (x) }, else_branch = e () => (float[1,2] q) { q = Neg (x) }>
    }`;
    expect(told(nested('p'), nested('r'))).toEqual({ results: [{ path: 'y then_branch', what: 'result 0', before: 'p', after: 'r' }] });
  });
});

test('which pass made a node, of which nodes: a history without repetition', async () => {
  // Nodes of files older than IR version 10 carry it too.
  const before = parse(
    `<ir_version: 7, opset_import: ["" : 13]>\ng (float[1,1,2,2] x) => (float[1,1,2,2] y) <float[1,1,1,1] w = {2}, float m = {3}, float s = {4}> {
      [conv] c = Conv (x, w)
      [scale] d = Mul (c, m)
      [shift] y = Add (d, s)
    }`,
  );
  const { model } = await rewrite(before, [passes['fold-arithmetic']!({})]);
  const { nodes } = diff(before, model);
  expect(nodes.changed).toMatchObject([{ node: 'conv', pass: 'fold-arithmetic', from: 'shift scale conv' }]);
  expect(nodes.removed.map(n => n.node)).toEqual(['scale', 'shift']);
  // Of a long chain not all of it is told: every node would carry the names of all before it.
  const chain = Array.from({ length: 100 }, (_, i) => `[n${i}] v${i + 1} = Pad (v${i}, p)`).join('\n');
  const long = parse(`<ir_version: 8, opset_import: ["" : 17]>\ng (float[2] v0) => (float[202] v100) <int64[2] p = {1, 1}> { ${chain} }`);
  const [padded] = (await rewrite(long, [passes['fuse-pads']!({})])).model.graph.nodes();
  expect(padded?.metadata.get('onnx_funnel.from')).toMatch(/^(n\d+ ){32}…$/);
  const stored = decode(encode(model));
  expect([...stored.graph.nodes()].map(n => n.metadata.get('onnx_funnel.pass'))).toEqual(['fold-arithmetic']);
  const calling = parse(`<ir_version: 8, opset_import: ["" : 17, "f" : 1]>
    g (float[2] x) => (float[2] y) { [call] y = f.F (x) }
    <domain: "f", opset_import: ["" : 17]> F (a) => (b) { n = Neg (a) b = Abs (n) }`);
  const inlined = await rewrite(calling, [passes['inline-functions']!({})]);
  expect([...inlined.model.graph.nodes()].map(n => n.metadata.get('onnx_funnel.from'))).toEqual(['call', 'call']);
});

test('a hundred thousand nodes, half of them renamed, in a moment', () => {
  const make = (prefix: string) => {
    const model = parse(`${header}g (float[4] x) => (float[4] y) { y = Relu (x) }`);
    let last = model.graph.inputs[0]!;
    for (let i = 0; i < 100_000; i++) {
      const node = new Node(opOf('', 'Add', '', model.opsets), [last, last], [{ name: `${i % 2 ? prefix : 'v'}${i}` }]);
      model.graph.append(node);
      last = node.outputs[0]!;
    }
    return model;
  };
  const start = performance.now();
  const { nodes } = diff(make('a'), make('b'));
  expect(nodes).toMatchObject({ same: 50_001, added: [], removed: [], changed: [] });
  expect(nodes.renamed).toHaveLength(50_000);
  expect(performance.now() - start).toBeLessThan(20_000);
});

describe('as text and on the command line', () => {
  const view = { a: 'a.onnx', b: 'b.onnx', all: false };
  const text = (d: Diff, options = {}) => diffText(d, { ...view, ...options }, new Chalk({ level: 0 }));

  test('a line for each difference, long lists cut', () => {
    const after = base.replace('0.5', '0.25').replace('{3, 4}', '{3, 5}');
    expect(text(diff(parse(header + base), parse(header + after)))).toBe(`a.onnx → b.onnx
  interface  same
  model  same
  nodes  2 same, 1 changed
    ~ LeakyRelu b: attribute alpha 0.5 → 0.25
  weights  1 same, 1 changed
    ~ v float[2]: max |Δ| 1.00, relative 0.250`);
    const many = base.replace('y =', `${Array.from({ length: 20 }, (_, i) => `z${i} = Neg (x)`).join(' ')} y =`);
    const cut = diff(parse(header + base), parse(header + many));
    expect(text(cut)).toContain('… and 8 more; --all shows them');
    expect(text(cut, { all: true })).toContain('+ Neg z19');
  });

  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'funnel-diff-'));
    writeFileSync(join(folder, 'a.onnxtxt'), header + base);
    writeFileSync(join(folder, 'b.onnxtxt'), header + base.replace('0.5', '0.25'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('0 for the same, 1 for different, 2 for what is no model', async () => {
    const run = (...args: string[]) => runFunnel(['diff', ...args], { cwd: folder });
    expect(await run('a.onnxtxt', 'a.onnxtxt')).toMatchObject({ code: 0, stderr: '', stdout: 'a.onnxtxt → a.onnxtxt\n  no difference\n' });
    const json = await run('a.onnxtxt', 'b.onnxtxt', '--json');
    expect(json).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'onnx-funnel/diff@1', same: false, a: 'a.onnxtxt', b: 'b.onnxtxt' });
    expect(await run('a.onnxtxt', 'nothing.onnx')).toMatchObject({ code: 2, stdout: '' });
    expect(await run('-', '-')).toMatchObject({ code: 2 });
  }, 60_000);
});
