import { readFileSync } from 'node:fs';
import { onnx } from 'onnx-proto';
import { describe, expect, test } from 'vitest';
import { InvalidModel } from '../src/errors.ts';
import { cloneModel } from '../src/ir/clone.ts';
import { Graph } from '../src/ir/graph.ts';
import type { Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import { decode, encode, encodeChunks } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { corpus } from './support/corpus.ts';
import { model, relu, smallGraph, tensor, tensorType, valueInfo } from './support/onnx-bytes.ts';
import { float, int, message, sub, tree } from './support/wire.ts';

const models = corpus();
const reencoded = (m: Model) => {
  m.producerName += ' (touched)';
  return encode(m);
};

describe.skipIf(models.length === 0)('real models', () => {
  test('are written as they were read, byte for byte, copies too', () => {
    const changed = models.filter(path => {
      const bytes = readFileSync(path);
      const m = decode(bytes);
      return Buffer.compare(encode(m), bytes) !== 0 || Buffer.compare(encode(cloneModel(m)), bytes) !== 0;
    });
    expect(changed).toEqual([]);
  });

  test('are field-identical but for the field that was changed', () => {
    for (const path of models) {
      const bytes = readFileSync(path);
      if (bytes.length > 3e6) continue;
      const { 2: producer, ...others } = tree(reencoded(decode(bytes)));
      const { 2: _, ...wanted } = tree(bytes);
      expect(Buffer.from(producer![0] as string, 'hex').toString()).toMatch(/ \(touched\)$/);
      expect(others, path).toEqual(wanted);
    }
  });

  test('read the same to an independent reader', () => {
    for (const path of models) {
      const bytes = new Uint8Array(readFileSync(path));
      if (bytes.length > 3e5) continue;
      const wanted = onnx.ModelProto.decode(bytes);
      wanted.producerName += ' (touched)';
      expect(onnx.ModelProto.decode(reencoded(decode(bytes))), path).toEqual(wanted);
    }
  });
});

/** A field that no schema knows, at every level. */
const later = (what: string) => sub(1000, `later: ${what}`);
const entry = (key: string, value: string) => message(sub(1, key), sub(2, value), later('entry'));
const everything = () => {
  const attributes = [
    message(sub(1, 'ratio'), float(2, 0.5), int(20, 1), sub(13, 'doc'), later('attribute')),
    message(sub(1, 'low'), int(3, -(2n ** 63n)), int(20, 2)),
    message(sub(1, 'many'), int(8, 2n ** 63n - 1n), int(8, -1), int(20, 7)),
    message(sub(1, 'bytes'), sub(4, Uint8Array.of(0xff, 0xfe)), int(20, 3)),
    message(sub(1, 'texts'), sub(9, 'ä'), sub(9, Uint8Array.of(0x80)), int(20, 8)),
    message(sub(1, 'weights'), sub(5, tensor('', [1, 2], later('tensor'))), int(20, 4)),
    message(sub(1, 'sparse'), sub(22, sub(1, tensor('v', [1])), sub(2, tensor('i', [0])), int(3, 4)), int(20, 11)),
    message(sub(1, 'future'), sub(77, 'a new kind'), int(20, 99)),
    message(sub(1, 'a type'), sub(14, tensorType(1, 2)), int(20, 13)),
  ];
  const devices = sub(10, sub(1, 'configuration'), sub(2, sub(1, 'x'), int(2, 3)), int(3, 2));
  const node = relu(
    'x',
    'h',
    sub(3, 'first'),
    sub(7, ''),
    ...attributes.map(a => sub(5, a)),
    sub(6, 'doc'),
    sub(9, entry('k', 'v')),
    devices,
    later('node'),
  );
  const body = message(sub(1, relu('h', 'inner')), sub(2, 'body'), sub(12, valueInfo('inner')), later('body'));
  const branch = message(sub(1, 'body'), sub(6, body), int(20, 5));
  const shape = sub(
    2,
    sub(1, int(1, 0), sub(3, 'DATA_BATCH')),
    sub(1, sub(2, 'N')),
    sub(1, later('dim')),
    sub(1, int(1, -1)),
    later('shape'),
  );
  const described = sub(2, sub(1, int(1, 77), shape, later('tensor type')), sub(6, 'IMAGE'), later('type'));
  const opaque = sub(2, sub(7, sub(1, 'domain'), sub(2, 'Opaque')), sub(6, 'denotation'));
  const sequence = sub(2, sub(4, sub(1, sub(9, sub(1, sub(5, int(1, 7), sub(2, tensorType(8))))))));
  const graph = message(
    sub(1, node),
    sub(1, sub(1, 'h'), sub(2, 'y'), sub(2, ''), sub(4, 'Loop'), sub(7, 'ai.onnx'), sub(5, branch)),
    sub(1, sub(1, 'h'), sub(1, ''), sub(1, 'w'), sub(1, ''), sub(2, 'z'), sub(4, 'Custom'), sub(7, 'my.domain'), sub(8, 'overload')),
    sub(2, 'g'),
    sub(5, tensor('w', [1, 2, 3], sub(12, 'doc'), sub(16, entry('k', 'v')), int(14, 0), later('tensor'))),
    sub(5, message(int(1, 2), int(2, 99), sub(8, 'newer type'), sub(9, 'xyz'))),
    sub(10, 'doc'),
    sub(11, sub(1, 'x'), described, sub(3, 'doc'), sub(4, entry('k', 'v')), later('value info')),
    sub(11, sub(1, 'o'), opaque),
    sub(11, sub(1, 's'), sequence),
    sub(12, valueInfo('y')),
    sub(12, valueInfo('y', sub(3, 'listed twice'))),
    sub(12, valueInfo('x', sub(3, 'an input as output'))),
    sub(13, valueInfo('h', sub(3, 'doc'))),
    sub(13, sub(1, 'y'), sub(2, tensorType(1, 1, 2))),
    sub(13, sub(1, 'nobody')),
    sub(14, sub(1, 'w'), sub(2, entry('SCALE_TENSOR', 's'))),
    sub(15, sub(1, tensor('sp', [5]), later('values')), sub(2, tensor('', [3])), int(3, 9)),
    sub(16, entry('k', 'v')),
    later('graph'),
  );
  const inFunction = relu('a', 'b', sub(5, sub(1, 'alpha'), sub(21, 'alpha'), int(20, 1)));
  const parts = [
    sub(1, 'F'),
    sub(4, 'a'),
    sub(5, 'b'),
    sub(6, 'beta'),
    sub(11, attributes[0]!),
    sub(7, inFunction),
    sub(8, 'doc'),
    sub(9, int(2, 17)),
  ];
  const f = message(
    ...parts,
    sub(10, 'my.domain'),
    sub(12, valueInfo('b')),
    sub(13, 'overload'),
    sub(14, entry('k', 'v')),
    later('function'),
  );
  const texts = [
    sub(2, 'producer'),
    sub(3, '1.0'),
    sub(4, ''),
    int(5, 2n ** 62n + 1n),
    sub(6, 'doc'),
    sub(14, entry('k', 'v')),
    sub(14, entry('k', 'again')),
  ];
  const rest = [
    sub(20, sub(2, smallGraph)),
    sub(25, f),
    sub(26, sub(1, 'devices'), int(2, 4)),
    sub(8, sub(1, 'my.domain'), int(2, 1)),
    later('model'),
  ];
  return model(14, graph, ...texts, ...rest);
};

describe('nothing is lost', () => {
  test('untouched: the same bytes, and the same fields when written anew', () => {
    const bytes = everything();
    expect(encode(decode(bytes))).toEqual(bytes);
    const { 2: _, ...others } = tree(reencoded(decode(bytes)));
    const { 2: __, ...wanted } = tree(bytes);
    expect(others).toEqual(wanted);
  });

  test('a renamed value: everything else is as it was', () => {
    const m = cloneModel(decode(everything()));
    [...m.graph.nodes()][0]!.outputs[0]!.name = 'renamed';
    const replace = (x: unknown): unknown => JSON.parse(JSON.stringify(x).replaceAll(`"${hex('h')}"`, `"${hex('renamed')}"`));
    expect(tree(encode(m))).toEqual(replace(tree(everything())));
  });

  test('integers keep all 64 bits, texts that are not UTF-8 stay bytes', () => {
    const [node] = [...decode(everything()).graph.nodes()];
    expect(node!.attributes.get('low')).toMatchObject({ type: 'int', value: -(2n ** 63n) });
    expect(node!.attributes.get('many')).toMatchObject({ type: 'ints', value: [2n ** 63n - 1n, -1n] });
    expect(node!.attributes.get('bytes')).toMatchObject({ type: 'string', value: Uint8Array.of(0xff, 0xfe) });
    expect(node!.attributes.get('texts')).toMatchObject({ type: 'strings', value: ['ä', Uint8Array.of(0x80)] });
    expect(node!.attributes.get('future')).toMatchObject({ type: 'other' });
    expect(node!.attributes.get('ratio')).toMatchObject({ type: 'float', value: 0.5 });
  });

  test('a changed type keeps its denotations', () => {
    const m = decode(everything());
    m.graph.inputs[0]!.type = { kind: 'tensor', dtype: 'float', shape: [0, 'N', 7, 8] };
    const { 11: inputs } = tree(encode(m))[7]![0] as { 11: never[] };
    const text = JSON.stringify(inputs[0]);
    for (const kept of ['DATA_BATCH', 'IMAGE', 'later: dim', 'later: shape', 'later: tensor type', 'later: type'])
      expect(text).toContain(hex(kept));
    expect(text).not.toContain('18446744073709551615');
  });

  test('a changed tensor keeps its doc string, metadata and place', () => {
    const m = decode(everything());
    const old = [...m.graph.constants].find(value => value.name === 'w')!;
    const added = m.graph.addConstant('w', Tensor.of('float', [2, 1], [7, 8]));
    m.graph.replaceUses(old, added);
    m.graph.constants.delete(old);
    const { 5: tensors } = tree(encode(m))[7]![0] as { 5: Record<number, unknown>[] };
    expect(tensors[0]).toMatchObject({ 1: ['2', '1'], 9: [hexOf(Float32Array.of(7, 8))], 12: [hex('doc')], 16: [expect.anything()] });
    expect(tensors).toHaveLength(2);
  });
});

const hex = (text: string) => Buffer.from(text).toString('hex');
const hexOf = (array: Float32Array) => Buffer.from(array.buffer).toString('hex');

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
