import { afterAll, expect, test } from 'vitest';
import { networks } from '../fixtures/networks/networks.ts';
import { forwardShape } from '../src/infer/forward.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { inferTypes } from '../src/infer/types.ts';
import type { Model } from '../src/ir/model.ts';
import { parse } from '../src/text/parse.ts';

afterAll(() => closeFactRuntime());

const header = '<ir_version: 8, opset_import: ["" : 17, "other" : 1]>';

/** What is inferred of every result, nested graphs included: `float[N,4]`, or `?`. */
async function typesOf(model: Model): Promise<Record<string, string>> {
  await inferTypes(model);
  const text = (shape: readonly unknown[] | undefined) => (shape ? `[${shape.map(d => d ?? '?').join(',')}]` : '');
  const results = [...model.graph.allNodes()].flatMap(node => node.outputs);
  return Object.fromEntries(results.map(({ name, inferred }) => [name, inferred ? `${inferred.dtype}${text(inferred.shape)}` : '?']));
}

test('bodies of If know what they capture, bodies within bodies too', async () => {
  const model = parse(`${header} g (bool c, float[N,3,8,8] x) => (y) <float[4,3,3,3] w = ["location": "rand:normal"]> {
      a = Conv (x, w)
      y = If (c) <
        then_branch = t () => (t1) { t0 = Relu (a) t1 = Identity (t0) },
        else_branch = e () => (e1) {
          e0 = Flatten (a)
          e1 = If (c) < then_branch = et () => (p) { p = Transpose (e0) }, else_branch = ee () => (q) { q = Sigmoid (a) } >
        }
      >
    }`);
  expect(await typesOf(model)).toMatchObject({
    a: 'float[N,4,6,6]',
    t0: 'float[N,4,6,6]',
    e0: 'float[N,144]',
    p: 'float[144,N]',
    q: 'float[N,4,6,6]',
  });
});

test('of the inputs of a Loop or Scan body only what they declare counts, and of a Loop the element type', async () => {
  const model = parse(`${header} g (int64 n, bool c, float[2,3] x, float[5,2] s) => (y, z, u) {
      y, z = Loop (n, c, x, x) <body = b (int64 i, bool ci, float[A,3] state, loose) => (co, float[A,3] next, l2) {
        co = Identity (ci)
        t = Concat <axis = 0> (x, x)
        next = Relu (state)
        s2 = Transpose (x)
        l2 = Relu (loose)
      }>
      v, u = Scan (s, s) <num_scan_inputs = 1, body = k (float[5,2] in, float[2] row) => (o1, o2) { o1 = Neg (in) o2 = Exp (row) }>
    }`);
  const types = await typesOf(model);
  expect(types).toMatchObject({ t: 'float[4,3]', next: 'float', s2: 'float[3,2]', l2: '?', o1: 'float[5,2]', o2: 'float[2]' });
});

test('an operator that the runtime does not know leaves unknown what depends on it, and nothing else', async () => {
  const model = parse(`${header} g (bool c, float[2,3] x) => (y, z, b1) {
      a = Relu (x)
      f = other.Foo (a)
      y = Relu (f)
      z = Transpose (a)
      b1 = If (c) <then_branch = t () => (t1) { t0 = other.Bar (z) t1 = Relu (z) }, else_branch = e () => (e1) { e1 = Exp (x) }>
    }`);
  expect((await inferTypes(model))?.message).toMatch(/Foo|Bar|other/);
  expect(await typesOf(model)).toEqual({
    a: 'float[2,3]',
    f: '?',
    y: '?',
    z: 'float[3,2]',
    b1: '?',
    t0: '?',
    t1: 'float[3,2]',
    e1: 'float[2,3]',
  });
});

test('many uses of an operator that the runtime does not know cost no more than one', async () => {
  const nodes = Array.from({ length: 300 }, (_, i) => `f${i} = other.Foo (x) r${i} = Relu (x)`);
  const types = await typesOf(parse(`${header} g (float[2,3] x) => (r299) { ${nodes.join('\n')} }`));
  expect(Object.values(types).filter(type => type === 'float[2,3]')).toHaveLength(300);
});

test('constants have the types they have, scalars too', async () => {
  const model = parse(`${header} g (float[N,3] x) => (y, z) {
      k = Constant <value_float = 2.0> ()
      w = Constant <value = float[300] {${Array(300).fill(1)}}> ()
      v = Mul (x, k)
      y = Relu (v)
      z = Relu (w)
    }`);
  expect(await typesOf(model)).toMatchObject({ k: 'float[]', w: 'float[300]', v: 'float[N,3]', z: 'float[300]' });
});

test('sizes that only a run can tell have no name, so that no two of them look alike', async () => {
  const model = parse(`${header} g (float[2,3] x, float[4] w) => (y, z) { y = NonZero (x) z = NonZero (w) }`);
  expect(await typesOf(model)).toEqual({ y: 'int64[2,?]', z: 'int64[1,?]' });
});

test('long chains are asked about in parts', async () => {
  const nodes = Array.from({ length: 5000 }, (_, i) => `v${i + 1} = Relu (v${i})`);
  const model = parse(`${header} g (float[N,2] v0) => (v5000) { ${nodes.join('\n')} }`);
  expect(await inferTypes(model)).toBeUndefined();
  expect([...model.graph.nodes()].every(node => node.outputs[0]!.inferred?.shape?.join() === 'N,2')).toBe(true);
});

test.each(Object.entries(networks))('%s: shapes that are carried on are those that ONNX Runtime finds', async (_, network) => {
  const model = parse(network({ size: 64 }));
  await inferTypes(model);
  const carried = [...model.graph.nodes()].flatMap(node => {
    const shape = forwardShape(node);
    const found = node.outputs[0]?.inferred?.shape;
    return shape && found ? [{ name: node.outputs[0]!.name, shape, found }] : [];
  });
  expect(carried.length).toBeGreaterThan(10);
  for (const { name, shape, found } of carried) expect({ name, shape }).toEqual({ name, shape: found });
});

test('carried shapes: Slice, Reshape, Concat, Transpose and windows in odd forms', async () => {
  const model = parse(`<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,6,7,9] x) => (y, z, r, t, u, m, s, q)
    <float[4,3,3,2] w = ["location": "rand:normal"], int64[2] a = {1, -3}, int64[2] b = {-1, 100}, int64[2] axes = {1, -1}, int64[3] to = {0, -1, 9},
     int64[3] all = {-1, 21, 18}, int64[1] minus = {-100}, int64[1] four = {4}, int64[1] two = {2}>
    {
      y = Slice (x, a, b, axes)
      z = Slice (x, minus, four, two)
      r = Reshape (x, to)
      t = Reshape (x, all)
      u = Concat <axis = -3> (x, x)
      m = MaxPool <kernel_shape = [3, 2], strides = [2, 1], pads = [1, 0, 1, 1], dilations = [2, 3]> (x)
      s = Conv <group = 2, strides = [2, 3], pads = [0, 1, 2, 1], dilations = [1, 2]> (x, w)
      q = Transpose (x)
    }`);
  await inferTypes(model);
  const carried = [...model.graph.nodes()].filter(node => forwardShape(node) !== undefined);
  // Nothing is made of a symbol and a number together.
  expect(carried.map(node => node.outputs[0]!.name)).toEqual(['y', 'z', 'r', 'u', 'm', 's', 'q']);
  for (const node of carried) {
    const [value] = node.outputs;
    expect([value!.name, forwardShape(node)]).toEqual([value!.name, value!.inferred!.shape]);
  }
});
