import { afterAll, describe, expect, test } from 'vitest';
import { type PassOptions, passes } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { normal } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { parse } from '../src/text/parse.ts';
import { closeRuntime, outputsOf } from './support/equivalence.ts';

afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

const random = (shape: string, name: string, more = '') =>
  `float[${shape}] ${name} = ["location": "rand:normal", "seed": "${name}"${more}]`;
const positive = (shape: string, name: string) =>
  `float[${shape}] ${name} = ["location": "rand:uniform", "seed": "${name}", "low": "0.01", "high": "4"]`;
const parameters = (c: number) => [random(`${c}`, 's'), random(`${c}`, 'b'), random(`${c}`, 'm'), positive(`${c}`, 'v')];

interface Case {
  readonly input: readonly number[];
  readonly output: string;
  readonly weights: readonly string[];
  readonly nodes: string;
  readonly pass?: string;
}

const cases: Readonly<Record<string, Case>> = {
  'Conv and BatchNormalization': {
    input: [1, 16, 9, 9],
    output: '1,8,7,7',
    weights: [random('8,16,3,3', 'w'), random('8', 'c'), ...parameters(8)],
    nodes: 't = Conv (x, w, c) y = BatchNormalization (t, s, b, m, v)',
  },
  'grouped ConvTranspose and BatchNormalization': {
    input: [1, 8, 5, 5],
    output: '1,6,7,7',
    weights: [random('8,3,3,3', 'w'), ...parameters(6)],
    nodes: 't = ConvTranspose <group = 2> (x, w) y = BatchNormalization (t, s, b, m, v)',
  },
  'Gemm and BatchNormalization': {
    input: [7, 64],
    output: '7,8',
    weights: [random('8,64', 'w'), random('8', 'c'), ...parameters(8)],
    nodes: 't = Gemm <transB = 1, alpha = 0.5, beta = 3.0> (x, w, c) y = BatchNormalization (t, s, b, m, v)',
  },
  'BatchNormalization before Conv': {
    input: [1, 8, 6, 6],
    output: '1,4,4,4',
    weights: [random('4,4,3,3', 'w'), ...parameters(8)],
    nodes: 't = BatchNormalization (x, s, b, m, v) y = Conv <group = 2> (t, w)',
  },
  'Conv and arithmetic': {
    input: [1, 4, 5, 5],
    output: '1,4,5,5',
    weights: [random('4,4,1,1', 'w'), random('4,1,1', 'k'), random('1,4,1,1', 'd')],
    nodes: 't = Conv (x, w) u = Div (t, d) y = Sub (k, u)',
    pass: 'fold-arithmetic',
  },
};

const modelOf = ({ input, output, weights, nodes }: Case): Model =>
  parse(`<ir_version: 8, opset_import: ["" : 17]> g (float[${input}] x) => (float[${output}] y) <${weights.join(', ')}> { ${nodes} }`);
const fold = (model: Model, pass = 'fold-batch-norm', options: PassOptions = {}) =>
  rewrite(model, [passes[pass]!(options)], { check: true });

describe.each(Object.entries(cases))('%s', (_, c) => {
  test.each([0, 1, 2])('moves the result by no more than the bound that the fold reports (seed %i)', async seed => {
    const before = modelOf(c);
    const { model, report } = await fold(before, c.pass);
    // Folds of one site, one after the other, add up.
    const bound = report[0]!.fired.reduce((sum, place) => sum + place.bound!, 0);
    const size = c.input.reduce((a, b) => a * b, 1);
    const x = Tensor.of(
      'float',
      c.input,
      normal(`x${seed}`, size).map(v => v * 10 ** (seed - 1)),
    );
    const [a, b] = [await outputsOf(before, { x }, 'disabled'), await outputsOf(model, { x }, 'disabled')].map(outputs =>
      outputs.y!.numbers(),
    );
    const largest = Math.max(...Array.from(x.numbers(), Math.abs));
    const moved = Math.max(...Array.from(a!, (v, i) => Math.abs(v - b![i]!)));
    expect(moved).toBeGreaterThan(0);
    expect(moved).toBeLessThanOrEqual(bound * (largest + 1));
    // A bound that everything meets would say nothing.
    expect(bound).toBeLessThan(0.1);
  });

  test('is refused beyond a limit', async () => {
    const { model, report } = await fold(modelOf(c), c.pass, { maxFoldError: 1e-9 });
    expect(report[0]!.fired).toEqual([]);
    expect(report[0]!.refused.map(place => place.code)).toContain('E_ERROR');
    expect([...model.graph.nodes()]).toHaveLength([...modelOf(c).graph.nodes()].length);
  });
});
