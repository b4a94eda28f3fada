import { describe, expect, test } from 'vitest';
import { FunnelError, TextSyntaxError } from '../src/errors.ts';
import type { Attribute } from '../src/ir/attribute.ts';
import { Graph } from '../src/ir/graph.ts';
import type { Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { DEFAULT_IR_VERSION, DEFAULT_OPSET, parse, parseFunction } from '../src/text/parse.ts';
import { print, printFunction, printGraph, printNode } from '../src/text/print.ts';

const graphOf = (body: string, inputs = 'float[2] x') => parse(`g (${inputs}) => () { ${body} }`).graph;
const nodeOf = (text: string, inputs?: string) => [...graphOf(text, inputs).nodes()][0]!;
const attributeOf = (text: string): Attribute => nodeOf(`y = Op <a ${text}> (x)`).attributes.get('a')!;
const constantIn = (text: string): Tensor => [...parse(`g () => () <${text}> {}`).graph.constants][0]!.constant!;
const numbersIn = (text: string) => Array.from(constantIn(text).elements() as ArrayLike<number | bigint>);
const inputOf = (text: string) => parse(`g (${text}) => () {}`).graph.inputs[0]!;
const reprinted = (text: string) => print(parse(text));

/** What the parser says of a text that it refuses. */
function complaint(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(TextSyntaxError);
    return (error as Error).message;
  }
  return 'no error';
}
const wrong = (source: string) => complaint(() => parse(source));

describe('a model', () => {
  const text = `<ir_version: 8, opset_import: ["" : 17, "funnel" : 1], producer_name: "me", producer_version: "1.2", domain: "d", model_version: 9007199254740993, doc_string: "line 1
line 2", metadata_props: ["k": "v", "": "\\"\\\\"]>
main (float[N,3,224,224] x) => (float[N,1000] y)
<
  float[2] w = {1, 2.5},
  float[N,64,?,?] t
>
{
  [conv1] t = Conv <dilations: ints = [1, 1], pads: ints = [1, 1, 1, 1]> (x, w, "")
  y, "" = funnel.FReLU:v2 <alpha: float = 0.1> (t)
}

<domain: "funnel", opset_import: ["" : 17], overload: "v2">
FReLU <pads, alpha: float = 1> (X) => (Y) {
  Y = LeakyRelu <alpha: float = @alpha> (X)
}
`;

  test('is what its text says', () => {
    const model = parse(text);
    expect([model.irVersion, model.producerName, model.producerVersion, model.domain]).toEqual([8, 'me', '1.2', 'd']);
    expect([model.modelVersion, model.doc]).toEqual([9007199254740993n, 'line 1\nline 2']);
    expect([[...model.metadata], [...model.opsets]]).toEqual([
      [
        ['k', 'v'],
        ['', '"\\'],
      ],
      [
        ['', 17],
        ['funnel', 1],
      ],
    ]);
    const [conv, frelu] = [...model.graph.nodes()];
    expect([conv!.name, conv!.op, conv!.inputs.length, conv!.inputs[2]]).toEqual([
      'conv1',
      { domain: '', name: 'Conv', overload: '', version: 11 },
      3,
      undefined,
    ]);
    expect(conv!.inputs[0]).toBe(model.graph.inputs[0]);
    expect(conv!.outputs[0]!.shape).toEqual(['N', 64, undefined, undefined]);
    expect(frelu!.op).toEqual({ domain: 'funnel', name: 'FReLU', overload: 'v2', version: undefined });
    expect(frelu!.outputs.map(o => o.name)).toEqual(['y', '']);
    expect(model.graph.outputs).toEqual([frelu!.outputs[0]]);
    const [f] = model.functions;
    expect([f!.domain, f!.name, f!.overload, f!.attributes]).toEqual(['funnel', 'FReLU', 'v2', ['pads']]);
    expect(f!.defaults.get('alpha')).toEqual({ type: 'float', value: 1 });
  });

  test('prints as that text', () => expect(reprinted(text)).toBe(text));

  test('needs no header', () => {
    const model = parse('# nothing but a graph\ng (x) => (x) {}');
    expect([model.irVersion, model.opsets.get('')]).toEqual([DEFAULT_IR_VERSION, DEFAULT_OPSET]);
  });

  test('has one domain for ai.onnx', () => {
    const model = parse(
      '<ir_version: 8, opset_import: ["ai.onnx" : 17, "ai.onnx.ml" : 3]> g (float x) => () { y = ai.onnx.Relu(x) z = ai.onnx.ml.Scaler(x) }',
    );
    expect([...model.opsets.keys()]).toEqual(['', 'ai.onnx.ml']);
    expect([...model.graph.nodes()].map(n => n.op.domain)).toEqual(['', 'ai.onnx.ml']);
  });
});

describe('functions', () => {
  test('are read alone, typed or not', () => {
    const text = `<domain: "d", opset_import: ["" : 17]>
F <a> (float[N] X, "W.1") => (Y)
<
  float[N] T
>
{
  T = Add (X, "W.1")
  Y = Relu (T)
}`;
    const f = parseFunction(text);
    expect(printFunction(f)).toBe(text);
    expect(f.body.inputs.map(i => i.type?.kind)).toEqual(['tensor', undefined]);
  });

  test('that import nothing are written in the operator sets around them', () => {
    const model = parse('<ir_version: 9, opset_import: ["" : 15]> g () => () {} <domain: "d"> F (X) => (Y) { Y = Relu(X) }');
    expect(model.functions[0]!.opsets.get('')).toBe(15);
  });

  test('end where the text ends', () =>
    expect(complaint(() => parseFunction('F (X) => (X) {} {'))).toBe('1:17: expected the end of the text, found {'));
});

describe('nodes', () => {
  test('take attributes before or after inputs', () => {
    expect(printNode(nodeOf('y = Cast (x) <to = 1>'))).toBe('y = Cast <to: int = 1> (x)');
    expect(printNode(nodeOf('[] y=Cast<to=1>(x)'))).toBe('y = Cast <to: int = 1> (x)');
  });

  test('have absent inputs and outputs', () => {
    const inputs = (list: string) => nodeOf(`y = Op (${list})`).inputs.map(v => v?.name ?? null);
    expect([inputs(''), inputs('""'), inputs(','), inputs(', x'), inputs('x, '), inputs('x, , x')]).toEqual([
      [],
      [null],
      [null],
      [null, 'x'],
      ['x'],
      ['x', null, 'x'],
    ]);
    expect(printNode(nodeOf(', "", z = Op (x, , "")'))).toBe('"", "", z = Op (x, "", "")');
    expect(printNode(nodeOf('= Op ()'))).toBe('= Op ()');
  });

  test('have names that must be quoted', () => {
    const names = ['a.b', 'a/b:0', '1', 'ünïcode', 'a"b\\c', 'float', 'seq', 'inf', 'new\nline', 'a b'];
    const list = names.map(n => `"${n.replace(/["\\]/g, '\\$&')}"`).join(', ');
    const text = `<ir_version: 10, opset_import: ["" : 21]>\n"my graph" (${list}) => (y) {\n  ["/conv.1"] y = Op (${list})\n}\n`;
    const model = parse(text);
    expect(model.graph.inputs.map(v => v.name)).toEqual(names);
    expect(print(model)).toBe(text);
  });

  test('of operators and domains without proper names', () => {
    expect(printNode(nodeOf('y = "my-domain.x"."my op":"1" <"a-b" = 1> (x)'))).toBe('y = "my-domain.x"."my op":"1" <"a-b": int = 1> (x)');
  });
});

describe('attributes', () => {
  test.each<[string, Attribute]>([
    ['= 1', { type: 'int', value: 1n }],
    ['= -9223372036854775808', { type: 'int', value: -(2n ** 63n) }],
    [': float = 1', { type: 'float', value: 1 }],
    ['= 0.1', { type: 'float', value: Math.fround(0.1) }],
    ['= -INFINITY', { type: 'float', value: -Infinity }],
    [': float = NaN', { type: 'float', value: Number.NaN }],
    [': float = -0', { type: 'float', value: -0 }],
    ['= "a\\nb"', { type: 'string', value: 'anb' }],
    ['= [1, 2]', { type: 'ints', value: [1n, 2n] }],
    [': int = [1]', { type: 'ints', value: [1n] }],
    ['= [1, 2.5]', { type: 'floats', value: [1, 2.5] }],
    [': floats = [1, inf]', { type: 'floats', value: [1, Infinity] }],
    ['= ["a", "b"]', { type: 'strings', value: ['a', 'b'] }],
    [': tensors = []', { type: 'tensors', value: [] }],
    [': ints = @b', { type: 'reference', value: 'b', of: 'ints' }],
    [': sparse_tensor = @b', { type: 'reference', value: 'b', of: 'kind11' }],
    ['= @"b c"', { type: 'reference', value: 'b c', of: 'kind0' }],
    ['= float[N]', { type: 'type_proto', value: { kind: 'tensor', dtype: 'float', shape: ['N'] } }],
    ['= [seq(float)]', { type: 'type_protos', value: [{ kind: 'sequence', of: { kind: 'tensor', dtype: 'float', shape: [] } }] }],
  ])('a %s', (text, attribute) => {
    expect(attributeOf(text)).toEqual(attribute);
    const node = nodeOf(`y = Op <a ${text}> (x)`);
    expect(nodeOf(printNode(node)).attributes.get('a')).toEqual(attribute);
  });

  test('hold tensors, named or not', () => {
    for (const text of ['float[2] {1, 2}', 'float[2] t {1, 2}', ': tensor = float[2] "t.1" = {1, 2}', 'float[2] = {1, 2}']) {
      expect(printNode(nodeOf(`y = Op <a ${text.startsWith(':') ? text : `= ${text}`}> ()`))).toBe(
        'y = Op <a: tensor = float[2] {1, 2}> ()',
      );
    }
    expect(printNode(nodeOf('y = Op <a = [float {1}, string[1] {"s"}]> ()'))).toBe('y = Op <a: tensors = [float {1}, string[1] {"s"}]> ()');
  });

  test('are sorted', () =>
    expect(printNode(nodeOf('y = Op <b = 1, B = 2, a = 3> ()'))).toBe('y = Op <B: int = 2, a: int = 3, b: int = 1> ()'));

  test('strings that are not UTF-8 survive', () => {
    const bytes = Uint8Array.of(0x61, 0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80);
    const text = printNode(
      new Node({ domain: '', name: 'Op', overload: '', version: undefined }, [], [], {
        attributes: new Map([['a', { type: 'string', value: bytes }]]),
      }),
    );
    expect(nodeOf(text).attributes.get('a')).toEqual({ type: 'string', value: bytes });
    expect(attributeOf('= "💀"').value).toBe('💀');
  });

  test('graphs see the values around them, by identity', () => {
    const text = `<ir_version: 10, opset_import: ["" : 21]>
g (bool c, float x) => (float y) {
  t = Neg (x)
  y = If (c) <else_branch: graph = "" () => (float x) {
  }, then_branch: graph = a () => (float u)
  <
    float k = {3}
  >
  {
    u = If (c) <else_branch: graph = b () => (t) {
    }, then_branch: graph = b () => (v) {
      v = Add (t, k)
    }>
  }>
}
`;
    const model = parse(text);
    const [neg, outer] = [...model.graph.nodes()];
    expect([...neg!.outputs[0]!.uses].map(use => use.kind).sort()).toEqual(['operand', 'output']);
    const branch = outer!.attributes.get('else_branch');
    expect(branch?.type === 'graph' && branch.value.outputs[0]).toBe(model.graph.inputs[1]);
    expect(print(model)).toBe(text);
  });
});

describe('types', () => {
  test.each([
    'float',
    'float[]',
    'float[?]',
    'int4[N,3,?]',
    'float8e4m3fnuz[1]',
    'float6e2m3[2]',
    'undefined',
    'seq(float[N])',
    'optional(seq(int64))',
    'map(string, seq(float[]))',
    'sparse_tensor(float[3,N])',
    'sparse_tensor(double[])',
    'float["batch size"]',
    'opaque()',
    'float[0]',
  ])('%s', text => {
    const { type } = inputOf(`${text} x`);
    expect(reprinted(`g (${text} x) => () {}`)).toContain(`g (${text} x)`);
    expect(type).toBeDefined();
  });

  test('know scalars from unknown ranks', () => {
    expect([inputOf('float x').shape, inputOf('float[] x').shape, inputOf('float[-1, 99999999999999999] x').shape]).toEqual([
      [],
      undefined,
      [undefined, undefined],
    ]);
  });

  test('opaque types lose their names', () => expect(inputOf('opaque(a.b, c) x').type).toEqual({ kind: 'other' }));
});

describe('initializers', () => {
  test('are exact in every element type', () => {
    expect(numbersIn('int64[2] w = {9223372036854775807, -9007199254740993}')).toEqual([9223372036854775807n, -9007199254740993n]);
    expect(numbersIn('uint64 w = {18446744073709551615}')).toEqual([18446744073709551615n]);
    expect(numbersIn('float[5] w = {1, 0.1, -inf, nan, -0}')).toEqual([1, Math.fround(0.1), -Infinity, Number.NaN, -0]);
    expect(numbersIn('double[2] w = {0.1, 5e-324}')).toEqual([0.1, 5e-324]);
    expect(numbersIn('bool[2] w = {1, 0}')).toEqual([1, 0]);
    expect(numbersIn('uint8[2] w = {255, 0}')).toEqual([255, 0]);
    expect(numbersIn('complex64[2] w = {1, 2, 3, 4.5}')).toEqual([1, 2, 3, 4.5]);
    expect(
      constantIn('string[2] w = {"ä", ""}')
        .strings()
        .map(s => Buffer.from(s).toString()),
    ).toEqual(['ä', '']);
    expect(numbersIn('float[0] w = {}')).toEqual([]);
  });

  test('of small floats: integers are bit patterns, as in ONNX, all else are values', () => {
    expect(numbersIn('float16[4] w = {15360, 1.0, 6.1e-5, inf}')).toEqual([1, 1, 0.00006097555160522461, Infinity]);
    expect(numbersIn('bfloat16[2] w = {16256, -1.5}')).toEqual([1, -1.5]);
    expect(numbersIn('float8e4m3fn[2] w = {56, 448.0}')).toEqual([1, 448]);
    expect(numbersIn('float8e8m0[2] w = {127, 0.25}')).toEqual([1, 0.25]);
  });

  test('of less than a byte come packed, as in ONNX, or one by one', () => {
    for (const elements of ['{33, 195}', '{1, 2, 3, -4}']) expect(numbersIn(`int4[4] w = ${elements}`)).toEqual([1, 2, 3, -4]);
    expect(numbersIn('uint4[3] w = {33, 3}')).toEqual([1, 2, 3]);
    expect(numbersIn('int4 w = {-1}')).toEqual([-1]);
    expect(numbersIn('uint2[5] w = {27, 2}')).toEqual([3, 2, 1, 0, 2]);
    expect(numbersIn('float4e2m1[3] w = {0.5, 1.0, -6.0}')).toEqual([0.5, 1, -6]);
    expect(numbersIn('float4e2m1 w = {6.0}')).toEqual([6]);
  });

  test('given to an input are a default that callers may override', () => {
    const model = parse('g (float[2] a = {1, 2}, float[N] b) => () <float[1] b = {3}, float c = {4}> {}');
    expect(model.graph.inputs.map(({ definition }) => definition.kind === 'input' && definition.fallback?.size)).toEqual([2, 1]);
    expect([...model.graph.constants].map(v => v.name)).toEqual(['c']);
    expect(print(parse(print(model)))).toBe(print(model));
  });

  test('given to an input before IR version 4 are constants', () => {
    const text = '<ir_version: 3, opset_import: ["" : 8]>\ng (\n  float x,\n  float[2] w = {1, 2}\n) => () {\n}\n';
    const { graph } = parse(text);
    expect([graph.inputs.length, [...graph.constants].map(v => v.name)]).toEqual([1, ['w']]);
    expect(reprinted(text)).toBe(text);
  });

  test('are generated, the same every time', () => {
    const he = constantIn('float[64,3,7,7] w = ["location": "rand:normal", "seed": "7", "fan": "he"]');
    const values = Array.from(he.numbers());
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    expect(deviation / Math.sqrt(2 / 147)).toBeCloseTo(1, 1);
    expect(values.slice(0, 2)).toEqual(numbersIn('float[64,3,7,7] w2 = ["location": "rand:normal", "seed": "7", "fan": "he"]').slice(0, 2));
    expect(numbersIn('float[2] a = ["location": "rand:normal"]')).not.toEqual(numbersIn('float[2] b = ["location": "rand:normal"]'));
    const uniform = numbersIn('float[1000] w = ["location": "rand:uniform", "seed": "x", "low": "-2", "high": "3"]') as number[];
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...uniform)).toBeLessThanOrEqual(3);
    expect(new Set(numbersIn('int8[100] w = ["location": "rand:uniform", "low": "-1", "high": "2"]'))).toEqual(new Set([-1, 0, 1]));
    expect(numbersIn('float16[2] w = ["location": "fill:0.5"]')).toEqual([0.5, 0.5]);
    expect(reprinted('g () => () <float[2] w = ["location": "fill:1"]> {}')).toContain('float[2] w = {1, 1}');
  });

  test('in other files stay there', () => {
    const text = 'float[2] w = ["location": "w.bin", "offset": "64"]';
    expect(() => constantIn(text).bytes()).toThrow(FunnelError);
    expect(reprinted(`g () => () <${text}> {}`)).toContain(text);
    expect(printNode(nodeOf('y = Op <a = float[2] = ["location": "w.bin"]> ()'))).toBe(
      'y = Op <a: tensor = float[2] = ["location": "w.bin"]> ()',
    );
  });
});

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
    expect(wrong(text)).toBe('4:23: ... stands for values that were left out of this text: they can not be read back');
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
    expect(reprinted(print(modelOf(graph)))).toBe(print(modelOf(graph)));
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
