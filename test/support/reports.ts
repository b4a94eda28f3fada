import { Tensor } from '../../src/tensor/tensor.ts';
import { type Comparison, compare } from '../../src/verify/compare.ts';
import { nameOf } from '../../src/verify/configuration.ts';
import type { LayerReport, SelfCheck } from '../../src/verify/layer-report.ts';
import { type Case, type Report, reportOf } from '../../src/verify/report.ts';
import type { ConfigurationResult, Finding, OutputResult, Status, Verdict } from '../../src/verify/verdict.ts';

/** Reports by hand: every part of the type, values that are hard to print, and as many as are asked for. */

/** What no format may take for its own: markup of all kinds, separators, control characters, half a surrogate pair. */
export const hostile = '</details><script>&"\'|`*_x_ [a](b) $x$ %0A::error::,:@user \u001b[31m\u0000\r\n\ud800 ]]> é→🙂';

const zeros = Tensor.of('float', [1000], new Float64Array(1000));
const equal: Comparison = compare(zeros, zeros, { atol: 0, rtol: 0, relativeL2: 0, equalNan: false });

/** A comparison that is off by a relative L2 and a largest difference of `size`. */
export function off(size: number, more: Partial<Comparison> = {}): Comparison {
  return {
    ...equal,
    same: false,
    identical: false,
    reasons: ['elements', 'relative-l2'],
    violations: 10,
    maxAbs: size,
    meanAbs: size / 10,
    p99Abs: size / 2,
    maxRel: 'Infinity',
    maxUlp: 1234,
    relativeL2: size,
    cosine: 0.99,
    snrDb: 40,
    psnrDb: 50,
    worst: { index: [0, 3], expected: 1, actual: 'NaN' },
    requiredAtol: size,
    histogram: [
      [-4, 990],
      [-3, 10],
    ],
    ...more,
  };
}

export function result(output: string, comparison: Comparison = equal, input = 'normal'): OutputResult {
  const tolerance = { atol: 1e-5, rtol: 2e-5, relativeL2: 5e-6, source: 'derived', because: 'float, same provider' } as const;
  return { input, output, against: 'reference', drift: { identical: false, relativeL2: 1e-7, maxAbs: 1e-6 }, tolerance, comparison };
}

export function configuration(results: readonly OutputResult[], more: Partial<ConfigurationResult> = {}): ConfigurationResult {
  return {
    provider: 'cpu',
    optimization: 'all',
    status: results.every(r => r.comparison.same) ? 'same' : 'different',
    identical: results.every(r => r.comparison.identical),
    adapter: 'CPU',
    placement: { a: undefined, b: { nodes: { CPUExecutionProvider: 3 }, fallbacks: [{ node: 'n', operator: 'Conv' }] } },
    failures: [],
    results,
    ...more,
  };
}

export function verdict(status: Status, configurations: readonly ConfigurationResult[] = [], more: Partial<Verdict> = {}): Verdict {
  const reasons: Finding[] = configurations.flatMap(c =>
    c.results
      .filter(r => !r.comparison.same)
      .map(r => ({
        code: 'output-values',
        where: `${nameOf(c)}, output '${r.output}'`,
        message: 'is off',
        configuration: { provider: c.provider, optimization: c.optimization },
      })),
  );
  const model = { inputs: [{ name: 'x', dtype: 'float', shape: ['N', 3, undefined] }], outputs: [] } as const;
  return {
    schema: 'onnx-funnel/verdict@1',
    status,
    same: status === 'same',
    summary: `${status}: as it is`,
    reasons,
    warnings: [],
    a: { label: 'models/a.onnx', ...model },
    b: { label: 'models/b #1.onnx', ...model },
    excludedOutputs: [],
    reference: { model: 'a', provider: 'cpu', optimization: 'disabled' },
    seed: 7,
    threads: 1,
    equalNan: false,
    inputs: ['normal', 'flips'].map((label, i) => ({
      label,
      source: 'given',
      shapes: { x: [1, 3, 8] },
      sha256: String(i).repeat(64),
    })),
    configurations,
    environment: { onnxruntime: '1.30.0', node: 'v20.19.0', platform: 'linux-x64' },
    timings: { total: 1234, peakMemory: 5678 },
    ...more,
  };
}

/** `n` values that both models compute; every tenth differs. */
export function layers(n: number, name: (i: number) => string = i => `v${i}`): LayerReport {
  const node = (i: number) => ({ name: `/${name(i)}/conv`, operator: 'Conv', pass: 'fold-batch-norm', from: `/${name(i)}/bn` });
  return {
    provider: 'cpu',
    optimization: 'disabled',
    input: 'normal',
    layers: Array.from({ length: n }, (_, i) => ({
      value: name(i),
      node: node(i),
      elements: 100,
      status: i % 10 === 9 ? 'different' : 'same',
      local: { relativeL2: i % 10 === 9 ? 0.5 : 1e-7, maxAbs: 1e-6, allowed: 5e-6, violations: i % 10 === 9 ? 40 : 0 },
      accumulated: { relativeL2: 1e-6, maxAbs: 'NaN' },
    })),
    culprits: [
      {
        value: name(9),
        node: node(9),
        nodes: { a: [node(9)], b: [node(9), { name: 'r', operator: 'Relu' }] },
        message: 'off by 0.5',
        folder: 'out',
      },
    ],
    notes: ['one value was not run'],
  };
}

export const selfCheck: SelfCheck = {
  mutations: [
    { kind: 'weight-perturbed', node: '/a/conv', detected: true, message: 'seen' },
    { kind: 'activation-dropped', node: hostile, detected: false, message: 'Relu became Identity, and nothing changed' },
  ],
  detected: 1,
};

/** What a verdict says of the nodes that layers found to blame. */
export function blame({ culprits, provider, optimization }: LayerReport): Finding[] {
  return culprits.map(({ node, nodes, value, message }) => ({
    code: 'layer-values',
    where: `${provider} ${optimization}, node '${node.name}'`,
    message: `computes another '${value}': ${message}`,
    configuration: { provider, optimization },
    nodes: nodes.b,
  }));
}

/** A report with every status and every part, names as hostile as can be. */
export function everything(): Report {
  const walked = layers(30, i => (i === 9 ? hostile : `v${i}`));
  const torn = verdict('different', [configuration([result(hostile, off(0.25)), result('z', off(0.5), 'flips')])]);
  const failure = { model: 'b', input: 'normal', kind: 'crashed', category: 'crash', message: 'died' } as const;
  const cases: Case[] = [
    { name: 'fine', verdict: verdict('same', [configuration([result('y'), result('z')])]) },
    {
      name: hostile,
      verdict: {
        ...torn,
        reasons: [...torn.reasons, ...blame(walked)],
        layers: walked,
        selfCheck,
        warnings: [
          { code: 'cpu-fallback', where: 'cpu all', message: hostile },
          { code: 'of-tomorrow', where: hostile, message: 'a code that nobody knows' },
          { code: 'unnoticed-mutation', where: `self-check, node '${hostile}'`, message: 'Relu became Identity, and nothing changed' },
        ],
      },
    },
    {
      name: 'edges',
      verdict: verdict('different', [], { reasons: [{ code: 'output-missing', where: "output 'q'", message: 'is missing in B' }] }),
    },
    {
      name: 'empty',
      verdict: verdict('inconclusive', [], { reasons: [{ code: 'nothing-compared', where: 'models', message: 'no input' }] }),
    },
    {
      name: 'gone',
      verdict: verdict('unavailable', [configuration([], { status: 'unavailable', failures: [failure], adapter: undefined })], {
        reasons: [
          { code: 'runtime-crashed', where: 'cpu all, B', message: 'died', configuration: { provider: 'cpu', optimization: 'all' } },
        ],
      }),
    },
    {
      name: 'broken',
      verdict: { ...verdict('invalid', [], { reasons: [{ code: 'runtime-load', where: 'B', message: 'no model' }] }), b: undefined },
    },
  ];
  return reportOf(cases, { complete: false, shard: { index: 1, count: 3 } });
}

/** `cases` cases of `values` outputs and layers each, of which every tenth differs. */
export function large(cases: number, values: number): Report {
  return reportOf(
    Array.from({ length: cases }, (_, k) => {
      const results = Array.from({ length: values }, (_, i) =>
        result(
          `stage${i % 7}.block${i}.output`,
          i % 10 === 9 ? off(1e-3 * (i + 1)) : { ...equal, identical: false, maxAbs: 1e-6, relativeL2: 1e-7 },
        ),
      );
      const drifting = verdict('different', [configuration(results)], { layers: layers(values) });
      return { name: `case ${k}`, verdict: { ...drifting, reasons: [...drifting.reasons, ...blame(drifting.layers!)] } };
    }),
  );
}

/** A report of one case, which differs unless another verdict is given. */
export const one = (v = verdict('different', [configuration([result('y', off(0.25))])])) => reportOf([{ name: 'a → b', verdict: v }]);

/** A report of one case, which is the same. */
export const sound = reportOf([{ name: 'a → b', verdict: verdict('same', [configuration([result('y'), result('z')])]) }]);
