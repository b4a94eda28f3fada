import { describe, expect, test } from 'vitest';
import type { Attribute } from '../src/ir/attribute.ts';
import { Graph } from '../src/ir/graph.ts';
import type { Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import { opOf } from '../src/ir/op.ts';
import type { Value, ValueType } from '../src/ir/value.ts';
import { byteLengthOf, type DType, dtypes, type KnownDType } from '../src/tensor/dtype.ts';
import { random } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';

/** Random models with everything that the text has a place for. */
class Maker {
  readonly #random: () => number;
  readonly #opsets = new Map([
    ['', 17],
    ['ai.onnx.ml', 3],
    ['my.domain', 1],
  ]);
  #names = 0;

  constructor(seed: number) {
    this.#random = random(seed);
  }

  model(): Model {
    const f = this.#graph('F', [], 1, false);
    const defaults = new Map<string, Attribute>([['b', this.#attribute([], 9)]]);
    const signature = { domain: 'my.domain', name: f.name, overload: this.#pick(['', 'v1']), attributes: ['a', 'a_b'] };
    return {
      irVersion: 4 + this.#below(9),
      opsets: this.#opsets,
      producerName: this.#pick(['', 'me', 'a "quoted" \\ name']),
      producerVersion: this.#pick(['', '1']),
      domain: this.#pick(['', 'd']),
      modelVersion: this.#pick([0n, 2n ** 62n]),
      doc: this.#pick(['', 'two\nlines']),
      metadata: new Map(this.#pick([[], [['k', 'v']]])),
      graph: this.#graph(this.#pick(['g', 'main graph']), [], 2, true),
      functions: [{ ...signature, defaults, opsets: this.#opsets, body: f, metadata: new Map() }],
    };
  }

  #graph(name: string, outer: readonly Value[], depth: number, initializers: boolean): Graph {
    const graph = new Graph(name);
    const visible = [...outer];
    for (let i = this.#below(4); i > 0; i--) {
      const tensor = initializers && this.#below(4) === 0 ? this.#tensor() : undefined;
      const type = tensor ? ({ kind: 'tensor', dtype: tensor.dtype, shape: tensor.dims } as const) : this.#type(2);
      visible.push(graph.addInput(this.#name(), type, tensor));
    }
    if (initializers) for (let i = this.#below(4); i > 0; i--) visible.push(graph.addConstant(this.#name(), this.#tensor()));
    for (let i = this.#below(6); i > 0; i--) {
      const node = this.#node(visible, depth);
      graph.append(node);
      visible.push(...node.outputs.filter(v => v.name !== ''));
    }
    if (visible.length > 0) for (let i = this.#below(3); i > 0; i--) graph.setOutput(graph.outputs.length, this.#pick(visible));
    return graph;
  }

  #node(visible: readonly Value[], depth: number): Node {
    const [domain, name] = this.#pick([
      ['', 'Conv'],
      ['', 'Add'],
      ['ai.onnx.ml', 'Scaler'],
      ['my.domain', 'F'],
      ['other', '_op'],
    ] as const);
    const inputs = Array.from({ length: this.#below(4) }, () =>
      visible.length > 0 && this.#below(4) > 0 ? this.#pick(visible) : undefined,
    );
    const outputs = Array.from({ length: this.#below(3) }, () =>
      this.#below(5) === 0 ? { name: '' } : { name: this.#name(), type: this.#pick([undefined, this.#type(1)]) },
    );
    const attributes = new Map(
      ['a', 'b', 'kernel_shape', '_'].slice(0, this.#below(5)).map(key => [key, this.#attribute(visible, depth > 0 ? 13 : 9, depth)]),
    );
    const sorted = new Map([...attributes].sort(([a], [b]) => (a < b ? -1 : 1)));
    return new Node(opOf(domain, name, this.#pick(['', '', 'v1']), this.#opsets), inputs, outputs, {
      name: this.#pick(['', 'label', '/a/b.1']),
      attributes: sorted,
    });
  }

  #attribute(visible: readonly Value[], kinds: number, depth = 0): Attribute {
    const list = <T>(make: () => T) => Array.from({ length: 1 + this.#below(3) }, make);
    const makers: (() => Attribute)[] = [
      () => ({ type: 'int', value: this.#integer() }),
      () => ({ type: 'float', value: this.#float() }),
      () => ({ type: 'string', value: this.#string() }),
      () => ({ type: 'ints', value: this.#pick([[], list(() => this.#integer())]) }),
      () => ({ type: 'floats', value: this.#pick([[], list(() => this.#float())]) }),
      () => ({ type: 'strings', value: this.#pick([[], list(() => this.#string())]) }),
      () => ({ type: 'tensor', value: this.#tensor() }),
      () => ({ type: 'type_proto', value: this.#type(2) }),
      () => ({ type: 'reference', value: 'a', of: this.#pick(['int', 'floats', 'graph']) }),
      () => ({ type: 'graph', value: this.#graph('body', visible, depth - 1, true) }),
      () => ({ type: 'graphs', value: list(() => this.#graph('body', visible, depth - 1, true)) }),
      () => ({ type: 'tensors', value: list(() => this.#tensor()) }),
      () => ({ type: 'type_protos', value: list(() => this.#type(1)) }),
    ];
    return makers[this.#below(kinds)]!();
  }

  #tensor(): Tensor {
    const dtype = this.#pick(Object.keys(dtypes).filter(d => d !== 'undefined')) as KnownDType;
    const dims = this.#pick([[], [1], [3], [2, 3], [0], [5, 1]]);
    const size = dims.reduce((a, b) => a * b, 1);
    if (dtype === 'string')
      return Tensor.ofStrings(
        dims,
        Array.from({ length: size }, () => Buffer.from(this.#string())),
      );
    const bytes = Uint8Array.from({ length: byteLengthOf(dtype, size)! }, () => this.#below(dtype === 'bool' ? 2 : 256));
    const { bits } = dtypes[dtype];
    if (bits < 8 && (size * bits) % 8 > 0) bytes[bytes.length - 1]! &= 2 ** ((size * bits) % 8) - 1;
    return Tensor.stored(dtype, dims, { bytes: () => bytes });
  }

  #type(depth: number): ValueType {
    const dtype = this.#pick(Object.keys(dtypes).filter(d => d !== 'undefined')) as DType;
    const shape = this.#pick([undefined, [], [1], ['N', 3, undefined], ['batch size', 0]]);
    const kind = this.#below(depth > 0 ? 6 : 2);
    if (kind < 2) return { kind: 'tensor', dtype, shape };
    if (kind === 2) return { kind: 'sparse', dtype, shape };
    if (kind === 3) return { kind: 'map', key: dtype, of: this.#type(depth - 1) };
    return { kind: kind === 4 ? 'sequence' : 'optional', of: this.#type(depth - 1) };
  }

  #name(): string {
    return `${this.#pick(['x', 'x.', '/layer/x:', '1_', 'ü', 'a "b" ', '\\', 'seq'])}${this.#names++}`;
  }
  #integer(): bigint {
    return BigInt.asIntN(64, BigInt(Math.floor(this.#random() * 2 ** 53)) << BigInt(this.#below(12)));
  }
  #float(): number {
    return this.#pick(
      [0, -0, 1, 0.1, 1e-45, 3.4e38, Infinity, -Infinity, Number.NaN, this.#random(), 1e6 * this.#random()].map(Math.fround),
    );
  }
  #string(): string {
    return this.#pick(['', 'text', '"', '\\', '\n', 'ünï', '💀', '#']);
  }
  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }
  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }
}

/** All that a model says, values by the order of their definition: equal for models of equal structure. */
function structure(model: Model): unknown {
  const ids = new Map<Value, number>();
  const id = (value: Value | undefined) => (value ? (ids.get(value) ?? `unseen ${value.name}`) : null);
  const define = (value: Value) => {
    ids.set(value, ids.size);
    return { name: value.name, type: value.type };
  };
  const tensor = (t: Tensor | undefined) =>
    t && {
      dtype: t.dtype,
      dims: t.dims,
      elements: t.dtype === 'string' ? t.strings().map(s => [...s]) : Array.from(t.elements() as ArrayLike<unknown>),
    };
  const attribute = (a: Attribute): unknown => {
    if (a.type === 'graph') return graph(a.value);
    if (a.type === 'graphs') return a.value.map(graph);
    if (a.type === 'tensor') return tensor(a.value);
    if (a.type === 'tensors') return a.value.map(tensor);
    return a;
  };
  const attributes = (map: ReadonlyMap<string, Attribute>) => [...map].map(([key, a]) => [key, a.type, attribute(a)]);
  const graph = (g: Graph): unknown => ({
    name: g.name,
    inputs: g.inputs.map(v => [define(v), v.definition.kind === 'input' && tensor(v.definition.fallback)]),
    constants: [...g.constants].map(v => [define(v), tensor(v.constant)]),
    nodes: [...g.nodes()].map(n => [n.name, n.op, n.inputs.map(id), attributes(n.attributes), n.outputs.map(define)]),
    outputs: g.outputs.map(id),
  });
  const { graph: main, functions, ...rest } = model;
  return [rest, graph(main), functions.map(({ body, defaults, ...f }) => [f, attributes(defaults), graph(body)])];
}

describe('random models', () => {
  test('read as they were printed, and print as they were read', () => {
    for (let seed = 0; seed < 300; seed++) {
      const model = new Maker(seed).model();
      const text = print(model);
      const read = parse(text);
      expect(print(read), text).toBe(text);
      expect(structure(read), text).toEqual(structure(model));
      expect(structure(parse(print(model, { readable: true })))).toEqual(structure(model));
    }
  });
});

describe('a long model', () => {
  const chain = (length: number) => {
    const nodes = Array.from({ length }, (_, i) => `  [n${i}] v${i + 1} = Add <axis: int = ${i}> (v${i}, w${i})\n`);
    const weights = Array.from({ length }, (_, i) => `  float[2] w${i} = {0.${i + 1}, -${i}}`);
    return `<ir_version: 10, opset_import: ["" : 21]>\ng (float[2] v0) => (v${length})\n<\n${weights.join(',\n')}\n>\n{\n${nodes.join('')}}\n`;
  };

  test('of 100,000 nodes is read and printed in linear time', () => {
    const text = chain(100_000);
    const start = performance.now();
    const model = parse(text);
    const read = performance.now();
    const printed = print(model);
    const end = performance.now();
    expect(model.graph.size).toBe(100_000);
    expect(print(parse(printed))).toBe(printed);
    expect(read - start).toBeLessThan(10_000);
    expect(end - read).toBeLessThan(10_000);
  }, 60_000);
});
