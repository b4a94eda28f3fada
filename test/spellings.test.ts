import { afterAll, describe, expect, test } from 'vitest';
import { passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

async function fuse(text: string): Promise<Model> {
  const before = parse(text);
  const fusing = pipelines.fuse!.map(name => passes[name]!());
  const { model, report } = await rewrite(before, fusing, { check: true });
  expect(report.find(r => r.pass === 'fuse-frelu')!.refused, text).toEqual([]);
  expect((await compare(before, model)).reasons, text).toEqual([]);
  return model;
}
const operators = (model: Model) => [...model.graph.nodes()].map(n => n.op.name);

const random = (shape: string, name: string, low = -1, high = 1) =>
  `float[${shape}] ${name} = ["location": "rand:uniform", "seed": "${name}", "low": "${low}", "high": "${high}"]`;

describe('as converters write it', () => {
  test('tf2onnx: channels last, the weight under Reshape and Transpose', async () => {
    const model = await fuse(`<ir_version: 8, opset_import: ["" : 15]>
      g (float[N,7,6,4] x) => (float[N,7,6,4] y)
      <${random('3,3,4,1', 'kernel')}, int64[4] hwio = {3, 3, 1, 4}, ${random('4', 'bias')}>
      {
        c = Transpose <perm = [0, 3, 1, 2]> (x)
        r = Reshape (kernel, hwio)
        w = Transpose <perm = [3, 2, 0, 1]> (r)
        t = Conv <group = 4, kernel_shape = [3, 3], auto_pad = "SAME_UPPER"> (c, w)
        l = Transpose <perm = [0, 2, 3, 1]> (t)
        b = Add (l, bias)
        y = Max (b, x)
      }`);
    expect(operators(model)).toEqual(['Transpose', 'FReLU', 'Transpose']);
  });

  test("PyTorch's newer exporter: a bias that is Expand(CastLike(0))", async () => {
    const model = await fuse(`<ir_version: 8, opset_import: ["" : 18]>
      g (float[N,4,7,6] x) => (float[N,4,7,6] y)
      <${random('4,1,3,3', 'w')}, float zero = {0}, int64[1] channels = {4}>
      {
        like = CastLike (zero, x)
        b = Expand (like, channels)
        t = Conv <group = 4, pads = [1, 1, 1, 1]> (x, w, b)
        y = Max (x, t)
      }`);
    expect(operators(model)).toEqual(['FReLU']);
  });

  const pads = 'int64[8] pads = {0, 0, 1, 1, 0, 0, 1, 1}';
  test.each([
    [7, '', 'Pad <pads = [0, 0, 1, 1, 0, 0, 1, 1]> (x)'],
    [11, pads, 'Pad (x, pads)'],
    [13, `${pads}, float zero = {0}`, 'Pad <mode = "constant"> (x, pads, zero)'],
    [18, 'int64[4] pads = {1, 1, 1, 1}, int64[2] axes = {2, -1}, float zero = {0}', 'Pad (x, pads, zero, axes)'],
    [21, pads, 'Pad (x, pads)'],
  ])('operator set %i: zeros around the image, casts around Max', async (opset, constants, pad) => {
    const model = await fuse(`<ir_version: 8, opset_import: ["" : ${opset}]>
      g (float[1,4,7,6] x) => (float[1,4,7,6] y)
      <${[random('4,1,3,3', 'w'), random('4', 'b'), constants].filter(Boolean).join(', ')}>
      {
        p = ${pad}
        t = Conv <group = 4> (p, w, b)
        xc = Cast <to = 1> (x)
        tc = Cast <to = 1> (t)
        m = Max (xc, tc)
        y = Cast <to = 1> (m)
      }`);
    expect(operators(model).filter(name => name !== 'Cast')).toEqual(['FReLU']);
  });
});

/** Writes one funnel in a way that only its seed knows. */
class Speller {
  readonly #lines: string[] = [];
  readonly #constants: string[] = [];
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2654435761;
  }

  /** An integer from 0 up to `n`, exclusive (mulberry32). */
  #below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }
  #pick<T>(...choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!;
  }
  #node(text: string): string {
    const name = `v${this.#lines.length}`;
    this.#lines.push(`${name} = ${text}`);
    return name;
  }
  #constant(shape: string, low?: number, high?: number): string {
    const name = `c${this.#constants.length}`;
    this.#constants.push(random(shape, name, low, high));
    return name;
  }
  /** The same value, perhaps under operators that do nothing. */
  #same(value: string): string {
    const choice = this.#below(8);
    if (choice === 0) return this.#node(`Identity (${value})`);
    return choice === 1 ? this.#node(`Cast <to = 1> (${value})`) : value;
  }

  #convolution(x: string, height: number, width: number): string {
    const spelling = this.#below(3);
    // ONNX Runtime has no dilation under SAME_UPPER.
    const dilation = spelling === 0 ? 1 : this.#pick(1, 1, 2);
    const half = [height, width].map(k => ((k - 1) / 2) * dilation);
    const weight = this.#constant(`4,1,${height},${width}`);
    const operands = this.#below(2) ? `${weight}, ${this.#constant('4')}` : weight;
    const window = `group = 4, dilations = [${dilation}, ${dilation}]`;
    const data = this.#same(x);
    switch (spelling) {
      case 0:
        return this.#node(`Conv <${window}, auto_pad = "SAME_UPPER"> (${data}, ${operands})`);
      case 1: {
        const pads = this.#node(`Constant <value_ints = [0, 0, ${half}, 0, 0, ${half}]> ()`);
        return this.#node(`Conv <${window}> (${this.#node(`Pad (${data}, ${pads})`)}, ${operands})`);
      }
      default:
        return this.#node(`Conv <${window}, pads = [${half}, ${half}]> (${data}, ${operands})`);
    }
  }

  /** γ·t + β in one of its spellings; constants lie along `channels`. */
  #normalized(t: string, last: boolean): string {
    const vector = (low?: number, high?: number) => this.#constant(last ? '4' : this.#pick('4,1,1', '1,4,1,1'), low, high);
    switch (this.#below(last ? 3 : 4)) {
      case 0:
        return t;
      case 1: {
        const centred = this.#node(`Sub (${t}, ${vector()})`);
        return this.#node(`Add (${vector()}, ${this.#node(`Mul (${centred}, ${vector()})`)})`);
      }
      case 2:
        return this.#node(`Div (${this.#same(t)}, ${vector(0.5, 2)})`);
      default: {
        const [scale, bias, mean, variance] = [this.#constant('4'), this.#constant('4'), this.#constant('4'), this.#constant('4', 0.5, 2)];
        return this.#node(`BatchNormalization (${t}, ${scale}, ${bias}, ${mean}, ${variance})`);
      }
    }
  }

  #sum(a: string, b: string): string {
    return this.#node(`${this.#pick('Add', 'Sum')} (${this.#below(2) ? `${a}, ${b}` : `${b}, ${a}`})`);
  }

  /** The larger of two values; `many` says that `b` is a maximum itself, of which no difference may be taken. */
  #larger(a: string, b: string, many = false): string {
    const [p, q] = [this.#same(a), this.#same(b)];
    switch (this.#below(many ? 4 : 7)) {
      case 0:
        return this.#node(`Max (${p}, ${q})`);
      case 1:
        return this.#node(`Max (${q}, ${p})`);
      case 2:
        return this.#node(`Where (${this.#node(`${this.#pick('Greater', 'GreaterOrEqual')} (${p}, ${q})`)}, ${a}, ${b})`);
      case 3:
        return this.#node(`Where (${this.#node(`${this.#pick('Less', 'LessOrEqual')} (${a}, ${b})`)}, ${q}, ${p})`);
      case 4:
        return this.#sum(this.#node(`Relu (${this.#node(`Sub (${p}, ${q})`)})`), b);
      case 5:
        return this.#sum(this.#node(`Relu (${this.#node(`Sub (${q}, ${p})`)})`), a);
      default: {
        const axis = this.#pick(0, 1, 4);
        const axes = this.#node(`Constant <value_ints = [${axis}]> ()`);
        const parts = [p, q].map(v => this.#node(`Unsqueeze (${v}, ${axes})`));
        return this.#node(`ReduceMax <axes = [${axis}], keepdims = 0> (${this.#node(`Concat <axis = ${axis}> (${parts})`)})`);
      }
    }
  }

  /** A network of one funnel, and the function it should become. */
  write(): { text: string; name: string } {
    const last = this.#below(3) === 0;
    const image = last ? this.#node('Transpose <perm = [0, 3, 1, 2]> (x)') : 'x';
    const branch = (height: number, width: number): string => {
      const t = this.#normalized(this.#convolution(image, height, width), false);
      return last ? this.#normalized(this.#node(`Transpose <perm = [0, 2, 3, 1]> (${t})`), true) : t;
    };
    const kind = this.#pick('conv', 'conv', 'sum', 'max');
    const k = this.#pick(3, 5);
    let y: string;
    if (kind === 'conv') y = this.#larger('x', branch(this.#pick(1, 3), k));
    else if (kind === 'sum') {
      // Two grids of taps have no common window.
      const [a, b] = [branch(1, 1), branch(3, 3)];
      y = this.#larger('x', this.#sum(a, b));
    } else {
      const [a, b] = [branch(1, k), branch(k, 1)];
      y = this.#pick(
        () => this.#node(`Max (${[a, 'x', b].sort(() => this.#below(3) - 1)})`),
        () => this.#larger('x', this.#larger(a, b), true),
        () => this.#larger(a, this.#larger('x', b), true),
      )();
    }
    const shape = last ? '1,9,8,4' : '1,4,9,8';
    this.#lines.push(`y = ${this.#pick('Relu', 'Neg')} (${y})`);
    return {
      name: kind === 'max' ? 'FReLULightMax' : 'FReLU',
      text: `<ir_version: 8, opset_import: ["" : 17]>
        g (float[${shape}] x) => (float[${shape}] y)
        <${this.#constants.join(', ')}>
        { ${this.#lines.join('\n')} }`,
    };
  }
}

describe('however it is spelled', () => {
  test.each(Array.from({ length: 80 }, (_, seed) => seed))('seed %i', async seed => {
    const { text, name } = new Speller(seed).write();
    const found = operators(await fuse(text));
    expect(
      found.filter(n => n.startsWith('FReLU')),
      text,
    ).toEqual([name]);
    expect(
      found.filter(n => n !== 'Identity' && n !== 'Cast' && n !== 'Transpose'),
      text,
    ).toHaveLength(2);
  });
});
