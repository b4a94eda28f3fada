import { describe, expect, test } from 'vitest';
import { DecodeError, FunnelError } from '../src/errors.ts';
import { decode, encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { model, relu, smallGraph, tensor, valueInfo } from './support/onnx-bytes.ts';
import { int, message, sub, varint } from './support/wire.ts';

/** What decoding throws; a crash of ours is not a FunnelError. */
function refusal(bytes: Uint8Array, options = {}): FunnelError {
  try {
    decode(bytes, options);
  } catch (error) {
    if (error instanceof FunnelError) return error;
    throw error;
  }
  throw new Error('the bytes were taken for a model');
}

const text = (s: string) => Uint8Array.from(Buffer.from(s, 'latin1'));

describe('what a file is instead', () => {
  test.each([
    ['a PNG image', text('\x89PNG\r\n\x1a\n....'), /PNG/],
    ['a PyTorch file', text('PK\x03\x04....'), /zip archive.*PyTorch/],
    ['a pickle', text('\x80\x02}q\0.'), /pickle/],
    ['gzip', text('\x1f\x8b\x08....'), /gzip/],
    ['HDF5', text('\x89HDF\r\n\x1a\n....'), /HDF5/],
    ['ORT', text('\x20\0\0\0ORTM....'), /ORT format/],
    ['TFLite', text('\x20\0\0\0TFL3....'), /TensorFlow Lite/],
    ['GGUF', text('GGUF\x03\0\0\0'), /GGUF/],
    ['safetensors', text('\x10\0\0\0\0\0\0\0{"w": 1}'), /safetensors/],
    ['a git-lfs pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:00\n'), /git lfs pull/],
    ['HTML', text('<!DOCTYPE html><html></html>'), /HTML/],
    ['JSON', text('{"a": 1}'), /JSON/],
    ['ONNX text', text('< ir_version: 8 >\nagraph () => ()'), /\.onnxtxt/],
    ['text', text('hello, world\n'), /it is text/],
    ['UTF-16', text('\xff\xfeh\0i\0'), /UTF-16/],
    ['nothing', text(''), /empty/],
    ['zeros', new Uint8Array(100), /zeros/],
    ['a tensor', tensor('w', [1, 2, 3]), /TensorProto/],
  ])('%s', (_, bytes, wanted) => {
    expect(refusal(bytes)).toMatchObject({ code: 'E_NOT_ONNX', message: expect.stringMatching(wanted) });
  });

  test('a message that lacks what every model has', () => {
    expect(refusal(message(sub(7, smallGraph)))).toMatchObject({ code: 'E_NO_IR_VERSION' });
    expect(refusal(message(int(1, 8), sub(2, 'producer')))).toMatchObject({ code: 'E_NO_GRAPH' });
  });
});

describe('where it is wrong', () => {
  const inNode = (...parts: Uint8Array[]) =>
    model(8, message(sub(1, relu('x', 'y')), sub(1, relu('y', 'z', ...parts)), sub(11, valueInfo('x'))));

  test('a length beyond its message', () => {
    const attribute = message(sub(1, 'a'), varint(4 * 8 + 2), varint(1000));
    const bytes = inNode(sub(5, sub(1, 'fine')), sub(5, attribute));
    const error = refusal(bytes) as DecodeError;
    expect(error).toMatchObject({ code: 'E_TRUNCATED', path: 'graph.node[1].attribute[1].s' });
    expect(bytes.subarray(error.offset! - 2, error.offset)).toEqual(varint(1000));
  });

  test('a name that is not UTF-8', () => {
    expect(refusal(inNode(sub(3, Uint8Array.of(0x61, 0xff))))).toMatchObject({ code: 'E_UTF8', path: 'graph.node[1].name' });
  });

  test('a tensor of another size', () => {
    const bad = message(int(1, 3), int(2, 1), sub(8, 'w'), sub(9, new Uint8Array(8)));
    expect(refusal(model(8, sub(5, bad)))).toMatchObject({ code: 'E_TENSOR', path: 'graph.initializer[0]' });
  });

  test.each([[[-1]], [[2n ** 62n]], [[0, 2n ** 60n]], [[2 ** 30, 2 ** 30]]])('the shape [%s]', dims => {
    const bad = message(...dims.map(dim => int(1, dim)), int(2, 1), sub(8, 'w'));
    expect(refusal(model(8, sub(5, bad)))).toMatchObject({ code: 'E_TENSOR', message: expect.stringMatching(/impossible shape/) });
  });

  test('data that is missing is found when it is asked for', () => {
    const m = decode(model(8, sub(5, message(int(1, 1e9), int(2, 7), sub(8, 'w')))));
    expect(() => [...m.graph.constants][0]!.constant!.bytes()).toThrow(/0 bytes of data where its shape wants 8000000000/);
  });
});

describe('limits', () => {
  const nested = (depth: number) => {
    let graph = message(sub(1, relu('x', 'y')), sub(12, valueInfo('y')));
    for (let i = 0; i < depth; i++)
      graph = message(sub(1, sub(1, 'x'), sub(4, 'If'), sub(5, sub(1, 'then_branch'), sub(6, graph), int(20, 5))));
    return model(8, message(sub(1, relu('x', 'y', sub(5, sub(1, 'body'), sub(6, graph), int(20, 5)))), sub(11, valueInfo('x'))));
  };

  test('of nesting', () => {
    expect(encode(decode(nested(25)))).toEqual(nested(25));
    expect(refusal(nested(1000))).toMatchObject({ code: 'E_DEPTH' });
  });

  test('of groups inside groups', () => {
    const group = (start: boolean) => varint(999 * 8 + (start ? 3 : 4));
    const groups = message(...Array(5000).fill(group(true)), ...Array(5000).fill(group(false)));
    expect(refusal(message(model(8, smallGraph), groups))).toMatchObject({ code: 'E_DEPTH' });
  });

  test.each([
    ['messages', sub(1, '')],
    ['empty texts', sub(1, sub(1, ''), sub(4, 'Relu'))],
    ['integers', sub(5, sub(8, 'w'), int(1, 1), int(1, 1), int(1, 1), int(1, 1))],
    ['unknown fields', sub(99, '')],
  ])('of the number of %s', (_, part) => {
    const many = model(8, message(...Array(2000).fill(part)));
    expect(refusal(many, { budget: 300 })).toMatchObject({ code: 'E_BUDGET' });
  });

  test('leave room for large models', () => {
    const chain = Array.from({ length: 100_000 }, (_, i) => sub(1, relu(`v${i}`, `v${i + 1}`)));
    const bytes = model(8, message(...chain, sub(11, valueInfo('v0')), sub(12, valueInfo('v100000'))));
    const m = decode(bytes);
    m.doc = 'changed';
    expect(encode(m).length).toBe(bytes.length + 'changed'.length + 2);
  });
});

describe('broken bytes', () => {
  const branch = message(sub(1, relu('x', 't')), sub(12, valueInfo('t')));
  const node = relu(
    'x',
    'y',
    sub(5, sub(1, 'body'), sub(6, branch), int(20, 5)),
    sub(5, sub(1, 'ints'), int(8, 1), int(8, -1), int(20, 7)),
  );
  const bytes = model(
    8,
    message(sub(1, node), sub(5, tensor('w', [1, 2])), sub(11, valueInfo('x')), sub(12, valueInfo('y'))),
    sub(14, sub(1, 'k')),
  );

  test('cut anywhere: refused, or the model that ends there', () => {
    for (let end = 0; end < bytes.length; end++) {
      const cut = bytes.subarray(0, end);
      try {
        expect(encode(decode(cut))).toEqual(cut);
      } catch (error) {
        if (!(error instanceof FunnelError)) throw error;
      }
    }
  });

  test('changed anywhere: refused, or carried as it is, and what is written is read the same', () => {
    let state = 12345;
    const random = (n: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    let taken = 0;
    for (let i = 0; i < 10_000; i++) {
      const mutated = Uint8Array.from(bytes);
      for (let j = 0; j <= random(4); j++) mutated[random(bytes.length)] = random(2) ? random(256) : mutated[random(bytes.length)]!;
      try {
        const m = decode(mutated);
        taken++;
        expect(encode(m)).toEqual(mutated);
        m.doc = 'changed';
        const written = encode(m);
        const again = decode(written);
        again.producerVersion = 'changed too';
        m.producerVersion = 'changed too';
        expect(encode(again)).toEqual(encode(m));
      } catch (error) {
        if (!(error instanceof FunnelError)) throw error;
      }
    }
    expect(taken).toBeGreaterThan(500);
  });
});

test('errors have a stable shape', () => {
  expect(refusal(message(model(8, smallGraph), sub(7, Uint8Array.of(0x0a, 0x7f))))).toBeInstanceOf(DecodeError);
});

test('graphs nested more deeply than any reader takes are not written', () => {
  const branch = (depth: number): string =>
    depth === 0
      ? 'o = Neg (x)'
      : `o = If (c) <then_branch = t () => (float o) { ${branch(depth - 1)} }, else_branch = e () => (float o) { o = Abs (x) }>`;
  const model = parse(`<ir_version: 8, opset_import: ["" : 17]> g (bool c, float x) => (float o) { ${branch(40)} }`);
  expect(() => encode(model)).toThrow(expect.objectContaining({ code: 'E_DEPTH' }));
});
