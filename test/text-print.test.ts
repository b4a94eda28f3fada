import { describe, expect, test } from 'vitest';
import { TextSyntaxError } from '../src/errors.ts';
import { Graph } from '../src/ir/graph.ts';
import type { Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { print, printGraph, printNode } from '../src/text/print.ts';

describe('printing', () => {
  const modelOf = (graph: Graph): Model => ({ ...parse('g () => () {}'), graph });
  const op = { domain: '', name: 'Op', overload: '', version: undefined };

  test('writes shortest decimals', () => {
    const literals = (dtype: 'float' | 'double' | 'float16', values: number[], readable = false) => {
      const node = new Node(op, [], [], {
        attributes: new Map([['a', { type: 'tensor', value: Tensor.of(dtype, [values.length], values) }]]),
      });
      return printNode(node, { readable }).replace(/.*\{(.*)\}.*/, '$1');
    };
    expect(literals('float', [0.1, 1e-5, 1 / 3, 16777216, 3.4028234663852886e38, 1.401298464324817e-45, 0.001, -0, Number.NaN])).toBe(
      '0.1, 1e-5, 0.33333334, 16777216, 3.4028235e+38, 1e-45, 0.001, -0, nan',
    );
    expect(literals('double', [0.1, 1 / 3, 1e300])).toBe('0.1, 0.3333333333333333, 1e+300');
    expect(literals('float16', [0.1, 1, 65504])).toBe('11878, 15360, 31743');
    expect(literals('float16', [0.1, 1, 65504, 1 / 3], true)).toBe('0.1, 1.0, 65500.0, 0.3333');
  });

  test('leaves out what is too long when asked, and says so where nobody can read it back', () => {
    const model = parse(
      'g () => () <float[5] w = {1, 2, 3, 4, 5}, float16[2] h = {1.5, 2.0}, string[2] s = {"a", "b"}> { y = Op <a = [1, 2, 3]> () }',
    );
    const text = print(model, { maxElements: 2 });
    expect(text).toContain('float[5] w = {1, 2, ... 3 more}');
    expect(text).toContain('float16[2] h = {1.5, 2.0}');
    expect(text).toContain('a: ints = [1, 2, ... 1 more]');
    expect(print(model, { maxElements: 0 })).toContain('w = {... 5 more}');
    expect(() => parse(text)).toThrow(
      new TextSyntaxError('... stands for values that were left out of this text: they can not be read back', 4, 23),
    );
  });

  test('leaves out types of inner results when asked', () => {
    const model = parse('g (float x) => (float y) <float t> { t = Neg(x) y = Neg(t) }');
    expect(print(model, { types: false })).toBe(print(model).replace('\n<\n  float t\n>\n{', ' {'));
  });

  test('gives names where a name would mean another value', () => {
    const graph = new Graph('g');
    const x = graph.addInput('x', { kind: 'tensor', dtype: 'float', shape: [] });
    const inner = new Graph('body');
    const hidden = new Node(op, [x], [{ name: 'x' }]);
    inner.append(hidden);
    inner.append(new Node(op, [hidden.outputs[0], x], [{ name: 'x_1' }]));
    inner.setOutput(0, hidden.outputs[0]!);
    const outer = new Node(op, [], [{ name: '' }, { name: '' }], { attributes: new Map([['body', { type: 'graph', value: inner }]]) });
    graph.append(outer);
    graph.setOutput(0, outer.outputs[0]!);
    expect(printGraph(graph)).toBe(`g (float x) => (unnamed_1) {
  unnamed_1, "" = Op () <body: graph = body () => (x_2) {
    x_2 = Op (x)
    x_1 = Op (x_2, x)
  }>
}`);
    expect(print(parse(print(modelOf(graph))))).toBe(print(modelOf(graph)));
  });

  test('shows that what the syntax has no place for is left out', () => {
    const node = new Node(op, [], [], { attributes: new Map([['a', { type: 'other', value: undefined }]]) });
    expect(printNode(node)).toBe('= Op <a = ...> ()');
    const raw = Tensor.stored('dtype99', [1], { bytes: () => new Uint8Array(1) });
    expect(printNode(new Node(op, [], [], { attributes: new Map([['a', { type: 'tensor', value: raw }]]) }))).toBe(
      '= Op <a: tensor = dtype99[1] ...> ()',
    );
  });
});
