import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { networks } from '../fixtures/networks/networks.ts';
import { foldBatchNorm } from '../passes/fold-batch-norm.ts';
import { reluToFrelu } from '../passes/relu-to-frelu.ts';
import { rewrite } from '../src/api.ts';
import { diff } from '../src/inspect/diff.ts';
import { type GraphPair, sketchOf } from '../src/inspect/sketch.ts';
import type { Model } from '../src/ir/model.ts';
import { drawnPair } from '../src/report/html/graph-data.ts';
import { htmlReport } from '../src/report/html/html.ts';
import { parse } from '../src/text/parse.ts';
import { type Case, reportOf } from '../src/verify/report.ts';
import { caseOf, chain } from './support/html-reports.ts';

const render = (...cases: Case[]) => htmlReport(reportOf(cases));
const pairOf = (a: Model, b: Model): GraphPair => sketchOf(a, b, diff(a, b));
const tiny = () => parse(readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8'));

describe('sketch', () => {
  const sketch = (a: string, b: string) => pairOf(parse(a), parse(b));
  const states = (pair: GraphPair, of: 'a' | 'b') => pair[of].nodes.map(n => `${n.op} ${n.status}`);

  test('tells what is the same, changed, added and removed, and what stands for what', () => {
    const pair = sketch(
      'g (float[2] x) => (float[2] y) { h = Identity (x) r = Relu (h) y = Exp (r) }',
      'g (float[2] x) => (float[2] y) { r = Relu (x) n = Neg (r) y = Exp (n) }',
    );
    expect(states(pair, 'a')).toEqual(['Identity removed', 'Relu changed', 'Exp changed']);
    expect(states(pair, 'b')).toEqual(['Relu changed', 'Neg added', 'Exp changed']);
    expect(pair.b.nodes.map(n => n.twin)).toEqual([1, undefined, 2]);
    expect(pair.a.nodes.map(n => n.twin)).toEqual([undefined, 0, 2]);
    expect(pair.b.nodes[0]!.changes).toEqual(['input X: h → x']);
  });

  test('a node that reads other weights is changed, and weights go by name and type', () => {
    const of = (w: string) => `g (float[2] x) => (float[2] y) <float[2] w = {${w}}> { y = Mul (x, w) }`;
    const { b } = sketch(of('1.0, 2.0'), of('1.0, 3.0'));
    expect(b.nodes[0]).toMatchObject({ status: 'changed', changes: ['weight w: other values'] });
    expect(b.nodes[0]!.inputs.map(i => [b.values[i], b.types[i]])).toEqual([
      ['x', 'float[2]'],
      ['w', 'float[2]'],
    ]);
  });

  test('what a nested graph uses, and what changed in it, is told of the node that holds it', () => {
    const of = (op: string) => `g (bool c, float[2] x) => (float[2] y) {
      h = Relu (x) y = If (c) <then_branch = t () => (float[2] u) { u = ${op} (h) }, else_branch = e () => (float[2] v) { v = Identity (h) }> }`;
    const { a, b } = sketch(of('Neg'), of('Abs'));
    expect(a.nodes[1]!.inputs.map(i => a.values[i])).toEqual(['c', 'h']);
    expect(states({ a, b }, 'b')).toEqual(['Relu same', 'If changed']);
  });

  test('passes are told, as plain JSON', async () => {
    const a = tiny();
    const { model: b } = await rewrite(a, [foldBatchNorm()]);
    const pair = pairOf(a, b);
    expect(JSON.parse(JSON.stringify(pair))).toEqual(pair);
    expect(pair.b.nodes.some(n => n.pass === 'fold-batch-norm' && n.from)).toBe(true);
    expect(pair.a.nodes.filter(n => n.op === 'BatchNormalization').every(n => n.status === 'removed')).toBe(true);
  });

  test('ResNet-50 and its funnels stay small', async () => {
    const a = parse(networks['resnet-50']());
    const { model: b } = await rewrite(a, [foldBatchNorm(), reluToFrelu()]);
    const graphs = pairOf(a, b);
    expect(JSON.stringify(graphs).length).toBeLessThan(300_000);
    expect(graphs.b.nodes.length).toBeGreaterThan(120);
    const html = await render({ ...caseOf('resnet-50', { status: 'different', layers: 120 }), diff: diff(a, b), graphs });
    expect(html.length).toBeLessThan(1_500_000);
  });

  test('what is made of constants is a weight: it is not drawn, and what is drawn stands where it stood', () => {
    const of = (op: string) =>
      `g (float[2] x) => (float[2] y) { c = Constant <value_floats = [1.0, 2.0]> () d = Exp (c) h = Mul (x, d) y = ${op} (h) }`;
    const [a, b] = [
      parse(of('Relu')),
      parse(of('Neg').replace('c = Constant <value_floats = [1.0, 2.0]> () d = Exp (c) h = Mul (x, d)', 'h = Abs (x)')),
    ];
    const pair = drawnPair({ ...caseOf('constant'), graphs: pairOf(a, b) })!;
    expect(pair.a.nodes.map(n => [n.op, n.twin])).toEqual([
      ['input', undefined],
      ['Mul', 1],
      ['Relu', 2],
      ['output', undefined],
    ]);
    expect(pair.b.nodes.map(n => [n.op, n.twin])).toEqual([
      ['input', undefined],
      ['Abs', 1],
      ['Neg', 2],
      ['output', undefined],
    ]);
    expect(pair.a.edges).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
  });

  test('long names are cut', () => {
    const { a } = pairOf(parse(chain(3, 'n'.repeat(10_000))), parse(chain(3, 'n'.repeat(10_000))));
    expect(Math.max(...a.values.map(v => v.length))).toBeLessThan(250);
    expect(a.nodes.every(n => n.status === 'same')).toBe(true);
  });
});
