import { readFileSync } from 'node:fs';
import { onnx } from 'onnx-proto';
import { describe, expect, test } from 'vitest';
import { cloneModel } from '../src/ir/clone.ts';
import type { Model } from '../src/ir/model.ts';
import { decode, encode } from '../src/serde/model-file.ts';
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
