import { onnx } from 'onnx-proto';
import { describe, expect, test } from 'vitest';
import { InvalidModel } from '../src/errors.ts';
import { Graph } from '../src/ir/graph.ts';
import type { Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import { decode, encode, encodeChunks } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { model, relu, smallGraph, tensor, tensorType, valueInfo } from './support/onnx-bytes.ts';
import { float, int, message, sub, tree } from './support/wire.ts';

const hex = (text: string) => Buffer.from(text).toString('hex');

describe('inputs and initializers', () => {
  const listed = message(sub(1, 'w'), sub(2, tensorType(1, 2)), sub(3, 'listed'));
  const graph = message(
    sub(1, sub(1, 'x'), sub(1, 'w'), sub(2, 'y'), sub(4, 'Add')),
    sub(5, tensor('w', [1, 2])),
    sub(11, listed),
    sub(11, valueInfo('x')),
    sub(12, valueInfo('y')),
  );
  const inputNames = (m: Model) => onnx.ModelProto.decode(encode(m)).graph!.input!.map(info => info.name);

  test('from IR version 4 on, an initializer that is an input can be overridden', () => {
    const m = decode(model(4, graph));
    expect(m.graph.inputs.map(value => value.name)).toEqual(['w', 'x']);
    expect(m.graph.inputs[0]!.definition).toMatchObject({ kind: 'input', fallback: { dims: [2] } });
    expect(m.graph.constants.size).toBe(0);
    m.doc = 'changed';
    expect(onnx.ModelProto.decode(encode(m)).graph).toEqual(onnx.GraphProto.decode(graph));
  });

  test('before, it is a constant that stays listed', () => {
    const m = decode(model(3, graph));
    expect(m.graph.inputs.map(value => value.name)).toEqual(['x']);
    expect([...m.graph.constants].map(value => value.name)).toEqual(['w']);
    m.doc = 'changed';
    expect(onnx.ModelProto.decode(encode(m)).graph).toEqual(onnx.GraphProto.decode(graph));
  });

  test('before, new constants are listed and dropped ones are not', () => {
    const m = decode(model(3, graph));
    const [w] = m.graph.constants;
    m.graph.replaceUses(w!, m.graph.addConstant('v', Tensor.of('float', [2], [3, 4])));
    m.graph.constants.delete(w!);
    expect(inputNames(m)).toEqual(['x', 'v']);
    m.irVersion = 8;
    expect(inputNames(m)).toEqual(['x']);
  });
});

describe('scopes', () => {
  const iff = (name: string, body: Uint8Array) =>
    message(sub(1, 'c'), sub(2, name), sub(4, 'If'), sub(5, sub(1, 'then_branch'), sub(6, body), int(20, 5)));
  const body = (node: Uint8Array, output: string) => message(sub(1, node), sub(2, 'body'), sub(12, valueInfo(output)));
  const inputs = [sub(11, valueInfo('c')), sub(11, valueInfo('x'))];

  test('a capture is a use of the outer value', () => {
    const m = decode(
      model(8, message(sub(1, relu('x', 'h')), sub(1, iff('y', body(relu('h', 't'), 't'))), ...inputs, sub(12, valueInfo('y')))),
    );
    const [first, second] = [...m.graph.nodes()];
    const [inner] = [...second!.subgraphs()][0]!.nodes();
    expect(inner!.inputs[0]).toBe(first!.outputs[0]);
    first!.outputs[0]!.name = 'renamed';
    expect(JSON.stringify(tree(encode(m))).split(hex('renamed'))).toHaveLength(3);
  });

  test('an inner name hides an outer one from where it is defined', () => {
    const twice = message(sub(1, relu('x', 'x2')), sub(1, relu('x2', 'h')), sub(1, relu('h', 't')), sub(12, valueInfo('t')));
    const m = decode(model(8, message(sub(1, relu('x', 'h')), sub(1, iff('y', twice)), ...inputs, sub(12, valueInfo('y')))));
    const nodes = [...[...m.graph.nodes()][1]!.subgraphs()].flatMap(graph => [...graph.nodes()]);
    expect(nodes[2]!.inputs[0]).toBe(nodes[1]!.outputs[0]);
  });

  test('a file whose nodes are not in order is sorted, and written as it was', () => {
    const nodes = [relu('b', 'y'), iff('b', body(relu('a', 't'), 't')), relu('x', 'a')];
    const bytes = model(8, message(...nodes.map(node => sub(1, node)), ...inputs, sub(12, valueInfo('y'))));
    const m = decode(bytes);
    expect([...m.graph.nodes()].map(node => node.outputs[0]!.name)).toEqual(['a', 'b', 'y']);
    expect(encode(m)).toEqual(bytes);
  });

  test.each([
    [
      'a name that nothing defines',
      message(sub(1, relu('nothing', 'y')), sub(12, valueInfo('y'))),
      /graph\.node\[0\]\.input\[0\].*'nothing'/,
    ],
    ['a value defined twice', message(sub(1, relu('x', 'y')), sub(1, relu('x', 'y')), ...inputs), /graph\.node\[1\]\.output\[0\].*twice/],
    ['an initializer given twice', message(sub(5, tensor('w', [1])), sub(5, tensor('w', [1]))), /graph\.initializer\[0\].*twice/],
    ['a cycle', message(sub(1, relu('b', 'a')), sub(1, relu('a', 'b')), sub(12, valueInfo('a'))), /nothing defines/],
    ['a node without operator', message(sub(1, sub(2, 'y'))), /op_type/],
    ['an attribute given twice', message(sub(1, relu('x', 'y', sub(5, sub(1, 'a')), sub(5, sub(1, 'a')))), ...inputs), /same name/],
    ['an output that nothing computes', message(sub(12, valueInfo('y'))), /graph\.output\[0\]/],
  ])('refuses %s', (_, graph, wanted) => {
    expect(() => decode(model(8, graph))).toThrow(InvalidModel);
    expect(() => decode(model(8, graph))).toThrow(wanted);
  });

  test('refuses to write a name that would mean another value', () => {
    const m = decode(model(8, message(sub(1, relu('x', 'h')), sub(1, relu('h', 'y')), ...inputs, sub(12, valueInfo('y')))));
    [...m.graph.nodes()][0]!.outputs[0]!.name = 'x';
    expect(() => encode(m)).toThrow(/two values have the name 'x'/);
  });
});

describe('tensors', () => {
  const stored = (type: number, dims: readonly number[], ...payload: Uint8Array[]) =>
    [
      ...decode(model(8, message(sub(5, ...[message(...dims.map(d => int(1, d)))], int(2, type), sub(8, 'w'), ...payload)))).graph
        .constants,
    ][0]!.constant!;
  const packed = (number: number, ...values: number[]) => sub(number, message(...values.map(v => int(1, v).subarray(1))));

  test.each([
    ['float, packed', 1, sub(4, new Uint8Array(Float32Array.of(1.5, -2).buffer)), [1.5, -2]],
    ['float, unpacked', 1, message(float(4, 1.5), float(4, -2)), [1.5, -2]],
    ['int32', 6, packed(5, -1, 2 ** 31 - 1), [-1, 2 ** 31 - 1]],
    ['int8', 3, packed(5, -1, 127), [-1, 127]],
    ['uint16', 4, packed(5, 65535, 1), [65535, 1]],
    ['bool', 9, packed(5, 1, 0), [1, 0]],
    ['float16 as bits', 10, packed(5, 0x3c00, 0xc000), [1, -2]],
    ['bfloat16 as bits', 16, packed(5, 0x3f80, 0xc000), [1, -2]],
    ['int4, two a byte', 22, packed(5, 0x8f), [-1, -8]],
    ['int64', 7, packed(7, -5, 2 ** 40), [-5n, 2n ** 40n]],
    ['int64, unpacked', 7, message(int(7, -5), int(7, 6)), [-5n, 6n]],
    ['uint64', 13, packed(11, 5, 2 ** 40), [5n, 2n ** 40n]],
    ['uint32', 12, packed(11, 5, 2 ** 32 - 1), [5, 2 ** 32 - 1]],
    ['double', 11, sub(10, new Uint8Array(Float64Array.of(1.1, 2).buffer)), [1.1, 2]],
  ])('reads the typed field of %s', (_, type, payload, wanted) => {
    expect(Array.from(stored(type, [2], payload).elements() as ArrayLike<unknown>)).toEqual(wanted);
  });

  test('reads strings', () => {
    expect(stored(8, [2], sub(6, 'a'), sub(6, Uint8Array.of(0xff))).strings()).toEqual([Uint8Array.of(97), Uint8Array.of(0xff)]);
  });

  test('writes new tensors so that others read them', () => {
    const m = decode(model(8, smallGraph));
    m.graph.addConstant('numbers', Tensor.of('int64', [2], [1n, -2n]));
    m.graph.addConstant('texts', Tensor.ofStrings([1], [Buffer.from('ä')]));
    const [numbers, texts] = onnx.ModelProto.decode(encode(m)).graph!.initializer!;
    expect(numbers).toMatchObject({ name: 'numbers', dataType: 7, rawData: new Uint8Array(BigInt64Array.of(1n, -2n).buffer) });
    expect(texts).toMatchObject({ name: 'texts', dataType: 8, stringData: [Uint8Array.from(Buffer.from('ä'))] });
  });

  test('never copies a large payload', () => {
    const bytes = model(
      8,
      message(sub(1, relu('x', 'y')), sub(11, valueInfo('x')), sub(5, tensor('w', Array(3000).fill(1))), sub(12, valueInfo('y'))),
    );
    const m = decode(bytes);
    m.graph.addConstant('v', Tensor.of('float', [5000], new Float32Array(5000)));
    const chunks = encodeChunks(m);
    expect(chunks.filter(chunk => chunk.byteLength >= 12000 && (chunk as Uint8Array).buffer === bytes.buffer)).toHaveLength(1);
    expect(onnx.ModelProto.decode(encode(m)).graph!.initializer!.map(t => t.rawData!.length)).toEqual([12000, 20000]);
  });
});

test('value_info follows its values', () => {
  const graph = [sub(1, relu('x', 'a')), sub(1, relu('a', 'b')), sub(1, relu('b', 'y')), sub(11, valueInfo('x')), sub(12, valueInfo('y'))];
  const m = decode(model(8, message(...graph, sub(13, valueInfo('a')), sub(13, valueInfo('b', sub(3, 'doc'))))));
  const [first, second] = m.graph.nodes();
  second!.setInput(0, m.graph.inputs[0]);
  m.graph.sweepFrom(first!);
  second!.outputs[0]!.name = 'c';
  const { valueInfo: infos } = onnx.ModelProto.decode(encode(m)).graph!;
  expect(infos!.map(info => [info.name, info.docString])).toEqual([['c', 'doc']]);
});

test('a model made from nothing', () => {
  const graph = new Graph('made');
  const x = graph.addInput('x', { kind: 'tensor', dtype: 'float', shape: ['N', 0, undefined] });
  const op = { domain: '', name: 'Relu', overload: '', version: 14 };
  const node = new Node(
    op,
    [x, undefined],
    [{ name: 'y', type: { kind: 'sequence', of: { kind: 'tensor', dtype: 'int64', shape: undefined } } }],
    {
      attributes: new Map([
        ['zero', { type: 'int', value: 0n }],
        ['text', { type: 'string', value: '' }],
      ]),
    },
  );
  graph.append(node);
  graph.setOutput(0, node.outputs[0]!);
  const texts = { producerName: 'p', producerVersion: '', domain: '', modelVersion: 0n, doc: '' };
  const m: Model = { ...texts, irVersion: 10, opsets: new Map([['', 17]]), metadata: new Map([['k', 'v']]), graph, functions: [] };
  const bytes = encode(m);
  const again = decode(bytes);
  expect(again.graph.inputs[0]!.type).toEqual(x.type);
  expect(again.graph.outputs[0]!.type).toEqual(node.outputs[0]!.type);
  expect([...again.graph.nodes()][0]!.inputs).toHaveLength(2);
  const oracle = onnx.ModelProto.decode(bytes);
  expect(oracle.graph!.node![0]!.attribute).toMatchObject([
    { name: 'zero', type: 2 },
    { name: 'text', type: 3 },
  ]);
  expect(oracle.opsetImport).toMatchObject([{ domain: '' }]);
});
