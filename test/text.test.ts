import { describe, expect, test } from 'vitest';
import { TextSyntaxError } from '../src/errors.ts';
import type { Attribute } from '../src/ir/attribute.ts';
import { Node } from '../src/ir/node.ts';
import { DEFAULT_IR_VERSION, DEFAULT_OPSET, parse, parseFunction } from '../src/text/parse.ts';
import { print, printFunction, printNode } from '../src/text/print.ts';

const graphOf = (body: string, inputs = 'float[2] x') => parse(`g (${inputs}) => () { ${body} }`).graph;
const nodeOf = (text: string, inputs?: string) => [...graphOf(text, inputs).nodes()][0]!;
const attributeOf = (text: string): Attribute => nodeOf(`y = Op <a ${text}> (x)`).attributes.get('a')!;
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
