import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, test } from 'vitest';
import { read } from '../src/api.ts';
import { TrainedWeights } from '../src/functions/trained.ts';
import { groupWeights } from '../src/functions/trained-file.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { readWeights } from '../src/inspect/trained.ts';
import type { Model } from '../src/ir/model.ts';
import { encode } from '../src/serde/model-file.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';
import { runFunnel } from './support/cli.ts';
import { closeRuntime, compare } from './support/equivalence.ts';
import { npz, safetensors, tensors } from './support/tensor-files.ts';
import { convert, relus } from './support/weights.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnx-funnel-weights-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  return Promise.all([closeFactRuntime(), closeRuntime()]);
});
const file = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

const plain = (prefix: string, [h, w]: readonly [number, number] = [3, 3], n = ''): Record<string, readonly number[]> => ({
  [`${prefix}.conv_frelu${n}.weight`]: [4, 1, h, w],
  [`${prefix}.conv_frelu${n}.bias`]: [4],
  ...Object.fromEntries(['weight', 'bias', 'running_mean', 'running_var'].map(part => [`${prefix}.bn_frelu${n}.${part}`, [4]])),
});
/** Activations, as operator, node and result, one after the other; a Neg between two keeps them apart. */
const chain = (...sites: readonly (readonly [node: string, result: string])[]) =>
  parse(`<ir_version: 10, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,8,8] y) {
    ${sites.map(([node, result], i) => `n${i} = Neg (${i === 0 ? 'x' : `"${sites[i - 1]![1]}"`}) ["${node}"] "${result}" = Relu (n${i})`).join('\n')}
    y = Neg ("${sites.at(-1)![1]}") }`);
/** A model with the modules that PyTorch's newer exporter notes at its nodes, by their results. */
const scoped = (text: string, modules: Readonly<Record<string, string>>): Model => {
  const model = parse(text);
  for (const node of model.graph.nodes()) {
    const { name } = node.outputs[0]!;
    const scopes = modules[name]?.split('.').map((_, i, all) => all.slice(0, i + 1).join('.'));
    // ONNX's text has no place for it.
    if (scopes)
      (node.metadata as Map<string, string>).set('pkg.torch.onnx.name_scopes', `[${['', ...scopes, name].map(s => `'${s}'`).join(', ')}]`);
  }
  return model;
};
const state = (all: Readonly<Record<string, readonly number[]>>, map: ConstructorParameters<typeof TrainedWeights>[2] = []) =>
  new TrainedWeights('state', groupWeights(tensors(all)), map);
const fired = async (model: Model, weights: TrainedWeights) => (await convert(model, weights)).report[0]!.fired.map(place => place.node);

describe('names, where nothing is guessed', () => {
  const reused = chain(['/b/relu/Relu', '/b/relu/Relu_output_0'], ['/b/relu_1/Relu', '/b/relu_1/Relu_output_0']);
  const newer = scoped(
    `<ir_version: 10, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,8,8] y) {
      relu = Relu (x) neg = Neg (relu) relu_1 = Relu (neg) y = Neg (relu_1) }`,
    { relu: 'b.relu', neg: 'b', relu_1: 'b.relu' },
  );
  const both = { ...plain('b.relu1'), ...plain('b.relu2') };

  test.each([
    ['older', reused],
    ['newer', newer],
  ])('a module that is used twice (%s exporter), and two in its place', async (_, model) => {
    await expect(convert(model, state(both))).resolves.toMatchObject({ report: [{ fired: [], refused: { length: 2 } }] });
    const some = { ...plain('b.relu'), ...plain('b.relu2') };
    await expect(convert(model, state(some))).rejects.toThrow(/b\.relu is used again as b\.relu_1.*'b\.relu_1=b\.relu' shares them/);
    await expect(convert(model, state(both, [['b.relu', 'b.relu1']]))).rejects.toThrow(
      /funnels that no activation is called like: b\.relu2; activations without weights: b\.relu_1; .*'b\.relu_1=b\.relu2'/,
    );
    const mapped = await convert(
      model,
      state(both, [
        ['*.relu', '*.relu1'],
        ['*.relu_1', '*.relu2'],
      ]),
    );
    const values = tensors(both);
    const first = values.get('b.relu1.conv_frelu.weight')!;
    expect(mapped.report[0]!.fired).toHaveLength(2);
    const swapped = await convert(
      model,
      state(both, [
        ['b.relu', 'b.relu2'],
        ['b.relu_1', 'b.relu1'],
      ]),
    );
    expect((await compare(mapped.model, swapped.model)).same).toBe(false);
    const trainable = await convert(
      model,
      state(both, [
        ['*.relu', '*.relu1'],
        ['*.relu_1', '*.relu2'],
      ]),
      { form: 'trainable' },
    );
    const weights = [...trainable.model.graph.nodes()].filter(n => n.op.name === 'Conv').map(n => n.inputs[1]!.constant!);
    expect(Array.from(weights[0]!.numbers())).toEqual(Array.from(first.numbers()));
    const shared = state(plain('b.relu'), [['b.relu_1', 'b.relu']]);
    expect(await fired(model, shared)).toHaveLength(2);
    expect(await fired(model, state(plain('b.relu'), [['b.relu_1', '']]))).toHaveLength(1);
  });

  test('a result is not taken for the module that happens to be called so', async () => {
    // The newer exporter counts results: relu_1 is what module relu_2 makes.
    const model = scoped(
      `<ir_version: 10, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,8,8] y) {
        relu = Relu (x) n = Neg (relu) relu_1 = Relu (n) y = Neg (relu_1) }`,
      { relu: 'relu_1', relu_1: 'relu_2' },
    );
    expect(await fired(model, state(plain('relu_1')))).toEqual(['relu']);
  });

  test('a function in the midst of a module has no weights: the convolution there is its own', async () => {
    const model = parse(`<ir_version: 10, opset_import: ["" : 17]> g (float[1,4,8,8] x) => (float[1,4,8,8] y)
      <float[4,1,1,1] w = {1, 2, 3, 4}> {
        ["/block/conv/Conv"] c = Conv <group = 4> (x, w) ["/block/Relu"] "/block/Relu_output_0" = Relu (c) y = Neg ("/block/Relu_output_0") }`);
    const own = {
      'block.conv.weight': [4, 1, 1, 1],
      'block.bn.weight': [4],
      'block.bn.bias': [4],
      'block.bn.running_mean': [4],
      'block.bn.running_var': [4],
    };
    expect(await fired(model, state(own))).toEqual([]);
  });

  test.each(['module.', 'state_dict/', 'state_dict/module.', '_orig_mod.'])('what wraps all names is taken off: %s', async wrapper => {
    const all = { ...plain(`${wrapper}b.relu`), ...plain(`${wrapper}b.relu_1`), [`${wrapper}head.weight`]: [8, 4] };
    expect(await fired(reused, state(all))).toHaveLength(2);
  });

  test('a module of the model is no wrapper', async () => {
    const model = chain(['/relu/Relu', '/relu/Relu_output_0'], ['/b/act/Relu', '/b/act/Relu_output_0']);
    expect(await fired(model, state(plain('b.relu')))).toEqual([]);
  });

  test('MegEngine: an axis more in weights, vectors as [1, C, 1, 1]', async () => {
    const torch = { ...plain('b.relu', [1, 3], '1'), ...plain('b.relu', [3, 1], '2') };
    const values = tensors(torch);
    const mega = new Map([...values].map(([name, t]) => [name, t.reshape(t.rank === 1 ? [1, 4, 1, 1] : [4, 1, 1, ...t.dims.slice(2)])]));
    const map = [['b.relu_1', '']] as const;
    const [a, b] = await Promise.all([values, mega].map(v => convert(reused, new TrainedWeights('state', groupWeights(v), map))));
    expect(encode(b!.model)).toEqual(encode(a!.model));
    expect([...a!.model.graph.nodes()].filter(n => n.op.name === 'Conv')).toHaveLength(2);
  });

  test('weights of half precision are what they are, in a model of float', async () => {
    const values = tensors(plain('act'));
    const model = parse(`<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,5,5] x) => (float[1,4,5,5] act) { act = Relu (x) }`);
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const rounded = new Map([...values].map(([name, t]) => [name, t.as(dtype).settle()]));
      const path = file(`${dtype}.safetensors`, safetensors(rounded));
      const { model: folded } = await convert(model, await readWeights(path, read));
      const wide = new TrainedWeights('state', groupWeights(new Map([...rounded].map(([name, t]) => [name, t.as('float').settle()]))));
      expect(encode(folded)).toEqual(encode((await convert(model, wide)).model));
    }
  });

  test.each<[string, Record<string, readonly number[]>, RegExp]>([
    [
      'a normalization without statistics',
      { 'act.bn_frelu.weight': [4], 'act.bn_frelu.bias': [4] },
      /act\.bn_frelu lacks act\.bn_frelu\.running_mean/,
    ],
    ['a parameter nobody knows', { 'act.scale.weight': [4] }, /not clear what act\.scale\.weight does/],
    ['half of a light pair', { 'act.conv_frelu1.weight': [4, 1, 1, 3] }, /not clear which convolutions of act/],
    ['a vector of another size', { 'act.conv_frelu.bias': [3] }, /another shape/],
  ])('%s is an error', async (_, more, message) => {
    await expect(convert(relus, state({ 'act.conv_frelu.weight': [4, 1, 3, 3], ...more }))).rejects.toThrow(message);
  });

  test('another ε goes into the variance', async () => {
    const values = tensors(plain('act'));
    const model = parse(`<ir_version: 8, opset_import: ["" : 17]> g (float[1,4,5,5] x) => (float[1,4,5,5] act) { act = Relu (x) }`);
    const { model: folded } = await convert(model, new TrainedWeights('state', groupWeights(values, 1e-3)));
    const [weight] = [...folded.graph.constants].map(v => v.constant!.numbers());
    const of = (name: string) => values.get(`act.${name}`)!.numbers();
    const k = (c: number) => of('bn_frelu.weight')[c]! / Math.sqrt(of('bn_frelu.running_var')[c]! + 1e-3);
    expect(Array.from(weight!)).toEqual(Array.from(of('conv_frelu.weight'), (w, i) => Math.fround(w * k(Math.floor(i / 9)))));
    const { model: trainable } = await convert(model, new TrainedWeights('state', groupWeights(values, 1e-3)), { form: 'trainable' });
    expect((await compare(folded, trainable)).reasons).toEqual([]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('weights that are %d are an error', async x => {
    const values = new Map([['act.weight', Tensor.fill('float', [4, 1, 3, 3], x).settle()]]);
    await expect(convert(relus, new TrainedWeights('state', groupWeights(values)))).rejects.toThrow(/not finite/);
  });
});

describe('on the command line', () => {
  const good = safetensors(tensors(plain('act')));
  test.each<[string, Uint8Array | undefined, RegExp]>([
    ['missing.npz', undefined, /no such file/],
    ['.', undefined, /directory/],
    ['empty.npz', new Uint8Array(0), /empty/],
    ['cut.safetensors', good.subarray(0, good.length - 8), /beyond the end/],
    ['cut.npz', npz(tensors(plain('act'))).subarray(0, 300), /damaged/],
    ['text.txt', new TextEncoder().encode('weights, please'), /text/],
    ['checkpoint.pt', zipSync({ 'state/data.pkl': new Uint8Array(9) }), /pickle of PyTorch.*save_file/],
    ['old.pth', Uint8Array.of(0x80, 2, 0x8a, 0x0a), /pickle of PyTorch/],
    ['no-funnels.onnx', encode(relus), /no depthwise convolutions/],
    ['other.safetensors', safetensors(tensors(plain('elsewhere'))), /no activation of in\.onnxtxt is called that; --weights-map/],
    ['shape.safetensors', safetensors(tensors({ 'act.weight': [8, 1, 3, 3] })), /another shape/],
  ])('%s: one line, exit code 2, nothing written', async (name, bytes, message) => {
    if (bytes) file(name, bytes);
    writeFileSync(join(folder, 'in.onnxtxt'), print(relus));
    const { code, stderr } = await runFunnel(['convert', 'in.onnxtxt', '-o', 'out.onnx', '--weights', name], { cwd: folder });
    expect({ code, lines: stderr.trimEnd().split('\n').length }, stderr).toEqual({ code: 2, lines: 1 });
    expect(stderr).toMatch(message);
    expect(existsSync(join(folder, 'out.onnx'))).toBe(false);
  });

  test('--weights-map pairs names', async () => {
    writeFileSync(join(folder, 'in.onnxtxt'), print(relus));
    const weights = file('elsewhere.safetensors', safetensors(tensors(plain('elsewhere'))));
    const run = (map: string) =>
      runFunnel(['convert', 'in.onnxtxt', '-o', 'mapped.onnx', '--weights', weights, '--weights-map', map], { cwd: folder });
    expect((await run('act')).code).toBe(2);
    expect((await run('act=nowhere')).stderr).toMatch(/has no weights called nowhere, which act is to take/);
    expect(existsSync(join(folder, 'mapped.onnx'))).toBe(false);
    expect(await run('act=elsewhere')).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, 'mapped.onnx'))).toBe(true);
  });
});
