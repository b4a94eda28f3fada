import type { Diff } from '../../src/inspect/diff.ts';
import type { SketchNode } from '../../src/inspect/sketch.ts';
import type { Comparison } from '../../src/verify/compare.ts';
import type { Layer, LayerReport } from '../../src/verify/layer-report.ts';
import type { Case } from '../../src/verify/report.ts';
import type { ConfigurationResult, OutputResult, Verdict } from '../../src/verify/verdict.ts';

/** Crafted verdicts: what a report must show, without a run of ONNX Runtime. */

const comparison = (same: boolean): Comparison => ({
  same,
  identical: false,
  reasons: same ? [] : ['elements', 'relative-l2'],
  elements: 1000,
  violations: same ? 0 : 212,
  maxAbs: same ? 3.1e-7 : 0.0421,
  meanAbs: same ? 4.2e-8 : 1.3e-3,
  p99Abs: same ? 2.4e-7 : 0.0133,
  maxRel: same ? 8.2e-5 : 4.2,
  meanRel: same ? 2.1e-7 : 0.01,
  p99Rel: same ? 3.3e-6 : 0.4,
  maxUlp: same ? 11 : 120_533,
  meanUlp: same ? 0.6 : 2_310,
  p99Ulp: same ? 4 : 41_022,
  relativeL2: same ? 1.2e-7 : 2.8e-3,
  cosine: same ? 1 : 0.99812,
  snrDb: same ? 138.4 : 51.1,
  psnrDb: same ? 151.2 : 63.9,
  worst: { index: [0, 417], expected: 1.25, actual: same ? 1.2500002 : 1.2921 },
  requiredAtol: same ? 1e-7 : 0.0402,
  histogram: same
    ? [
        [-9, 52],
        [-8, 411],
        [-7, 309],
      ]
    : [
        [-7, 104],
        [-6, 311],
        [-5, 290],
        [-4, 120],
        [-3, 92],
        [-2, 31],
      ],
});

const result = (output: string, input: string, same: boolean): OutputResult => ({
  input,
  output,
  against: 'reference',
  drift: { identical: false, relativeL2: 2e-7, maxAbs: 4e-7 },
  tolerance: { atol: 2.1e-5, rtol: 2e-5, relativeL2: 5e-6, source: 'derived', because: 'float, same provider' },
  comparison: comparison(same),
});

const configuration = (
  provider: string,
  optimization: ConfigurationResult['optimization'],
  results: readonly OutputResult[],
): ConfigurationResult => ({
  provider,
  optimization,
  status: results.every(r => r.comparison.same) ? 'same' : 'different',
  identical: false,
  adapter: provider === 'webgpu' ? 'software: SwiftShader' : undefined,
  placement: {
    a: undefined,
    b:
      provider === 'webgpu'
        ? {
            nodes: { WebGpuExecutionProvider: 48, CPUExecutionProvider: 2 },
            fallbacks: [
              { node: '/layer4/NonMaxSuppression', operator: 'NonMaxSuppression' },
              { node: '/head/Unique', operator: 'Unique' },
            ],
          }
        : { nodes: { CPUExecutionProvider: 50 }, fallbacks: [] },
  },
  failures: [],
  results,
});

export interface Wish {
  readonly status?: 'same' | 'different';
  readonly outputs?: readonly string[];
  readonly layers?: number;
  /** What names begin with. */
  readonly prefix?: string;
}

/** A drift that grows along the layers, with one culprit in the middle where the models differ. */
export function layersOf(count: number, different: boolean, prefix = '/layer'): LayerReport {
  const guilty = Math.floor(count * 0.6);
  const layers = Array.from({ length: count }, (_, i): Layer => {
    const wrong = different && i === guilty;
    const local = i % 9 === 0 && !wrong ? 0 : 1e-8 * (1.5 + Math.sin(i * 1.7)) * (wrong ? 4e5 : 1);
    const accumulated = i === 0 ? 0 : 3e-8 * Math.sqrt(i) * (different && i >= guilty ? 6e4 / (1 + (i - guilty) / 90) : 1);
    return {
      value: `${prefix}${i}/Relu_output_0`,
      node: { name: `${prefix}${i}/Relu`, operator: i % 3 ? 'Relu' : 'Conv', ...(i % 4 === 0 && { pass: 'fold-batch-norm' }) },
      elements: 802_816,
      status: wrong ? 'different' : 'same',
      local: { relativeL2: local, maxAbs: local * 12, allowed: 5e-6, violations: wrong ? 3113 : 0 },
      accumulated: { relativeL2: accumulated, maxAbs: accumulated * 14 },
    };
  });
  const at = layers[guilty];
  const culprit = at && {
    value: at.value,
    node: at.node,
    nodes: { a: [{ name: at.node.name, operator: 'Conv' }], b: [at.node] },
    message: 'relative L2 8.1e-3, 3113 of 802816 elements outside the tolerance',
  };
  return { provider: 'cpu', optimization: 'all', input: 'flips', layers, culprits: different && culprit ? [culprit] : [], notes: [] };
}

/** A case as `verify` would report it. */
export function caseOf(name: string, wish: Wish = {}): Case {
  const { status = 'same', outputs = ['logits', 'features'], layers, prefix } = wish;
  const same = status === 'same';
  const inputs = ['normal', 'uniform', 'flips'];
  const results = (wrong: boolean) => inputs.flatMap(i => outputs.map((o, k) => result(o, i, !(wrong && k === 0 && i === 'flips'))));
  const edges = { inputs: [], outputs: [] };
  const message =
    "relative L2 2.8e-3 > 5.0e-6; 212 of 1000 elements outside the tolerance; worst at [0,417]: 1.25 became 1.2921 (input 'flips')";
  const reasons = same ? [] : [{ code: 'output-values', where: `cpu all, output '${outputs[0]}'`, message }];
  const verdict: Verdict = {
    schema: 'onnx-funnel/verdict@1',
    status,
    same,
    summary: same ? 'same: 2 outputs, 3 inputs, 3 configurations' : `different: ${reasons[0]!.where}: ${message}`,
    reasons,
    warnings: [{ code: 'cpu-fallback', where: 'webgpu all', message: '2 nodes of B ran on the CPU (NonMaxSuppression, Unique)' }],
    a: { label: 'resnet50.onnx', ...edges },
    b: { label: 'resnet50-folded.onnx', ...edges },
    excludedOutputs: [],
    reference: { model: 'a', provider: 'cpu', optimization: 'disabled' },
    seed: 7,
    threads: 1,
    equalNan: false,
    inputs: inputs.map((label, i) => ({
      label,
      source: label as 'normal',
      shapes: { image: [1, 3, 224, 224] },
      sha256: `${i}f9d4c3b2a1`.padEnd(64, `${i}e5d`),
    })),
    configurations: [
      configuration('cpu', 'disabled', results(false)),
      configuration('cpu', 'all', results(!same)),
      configuration('webgpu', 'all', results(false)),
    ],
    ...(layers !== undefined && { layers: layersOf(layers, !same, prefix) }),
    selfCheck: {
      mutations: [
        { kind: 'activation-dropped', node: '/layer1/Relu', detected: true, message: 'seen in logits, relative L2 0.31' },
        { kind: 'weight-perturbed', node: '/layer3/Conv', detected: true, message: 'seen in logits, relative L2 4.1e-4' },
        { kind: 'operands-swapped', node: '/layer4/Sub', detected: false, message: 'the outputs do not depend on it' },
      ],
      detected: 2,
    },
    environment: { onnxruntime: '1.30.0', node: 'v22.0.0', platform: 'linux-x64' },
    timings: { total: 5123, peakMemory: 1e9 },
  };
  return { name, verdict };
}

/** Two models that are alike. */
export const noDiff: Diff = {
  schema: 'onnx-funnel/diff@1',
  same: true,
  interface: [],
  model: [],
  nodes: { same: 0, added: [], removed: [], changed: [], renamed: [] },
  weights: { same: 0, added: [], removed: [], changed: [], renamed: [] },
  functions: { added: [], removed: [], changed: [] },
  results: [],
};

/** Names that a file may hold, and that a page must not obey. */
export const hostile: readonly string[] = [
  '</script><script>document.title="pwned"</script>',
  '<img src=x onerror=alert(1)>',
  '"\' onmouseover="alert(1)',
  '<!--<script>',
  ']]></svg></style><b>',
  'line\nbreak\u0000\u001b[31m\r',
  '\u202ereversed',
  'x'.repeat(10_000),
  '&lt;b&gt;&amp;<',
];

/** A model of `count` activations in a row, with blocks that skip; names begin with `prefix`. */
export function chain(count: number, prefix = 'n', change: (op: string, i: number) => string = op => op): string {
  const lines: string[] = [];
  let [last, start] = ['x', 'x'];
  for (let i = 0; i < count; i++) {
    const name = `${prefix}${i}`;
    const skips = i % 7 === 6;
    lines.push(`${name} = ${change(skips ? 'Add' : i % 2 ? 'Relu' : 'Abs', i)} (${skips ? `${start}, ` : ''}${last})`);
    last = name;
    if (skips) start = name;
  }
  return `g (float[2] x) => (float[2] y) { ${lines.join('\n')} y = Identity (${last}) }`;
}

/** A case in which every name that comes from a file is hostile. */
export function hostileCase(): Case {
  const all = hostile.join(' ');
  const of = caseOf(all, { status: 'different', layers: hostile.length * 2, outputs: hostile });
  const { verdict } = of;
  const named = (i: number) => ({ name: hostile[i % hostile.length]!, operator: hostile[(i + 1) % hostile.length]!, pass: all, from: all });
  const layers = verdict.layers!.layers.map((l, i) => ({ ...l, value: `${hostile[i % hostile.length]}${i}`, node: named(i) }));
  const finding = { code: all, where: all, message: all };
  const values = hostile.map(name => name);
  const node = (i: number): SketchNode => ({
    ...named(i),
    op: named(i).operator,
    inputs: [i],
    outputs: [i + 1],
    status: 'changed',
    twin: i,
    changes: [all],
  });
  const sketch = { values, types: { 0: all }, inputs: [0], outputs: [hostile.length - 1], nodes: hostile.slice(1).map((_, i) => node(i)) };
  const entry = { node: all, op: all, path: '', pass: all, from: all };
  return {
    ...of,
    verdict: {
      ...verdict,
      summary: `different: ${all}`,
      reasons: [finding, ...hostile.map(name => ({ code: name, where: name, message: name }))],
      warnings: [finding],
      a: { label: hostile[0]!, inputs: [], outputs: [] },
      b: { label: hostile[1]!, inputs: [], outputs: [] },
      excludedOutputs: hostile,
      inputs: verdict.inputs.map((input, i) => ({ ...input, label: hostile[i]!, shapes: { [all]: [1] } })),
      configurations: verdict.configurations.map(c => ({
        ...c,
        adapter: all,
        placement: {
          a: undefined,
          b: { nodes: { [all]: 1 }, fallbacks: hostile.map((name, i) => ({ node: name, operator: hostile[i]! })) },
        },
        failures: [{ model: 'b', input: all, kind: 'error', category: 'other', message: all }],
        results: c.results.map(r => ({
          ...r,
          input: all,
          comparison: { ...r.comparison, worst: { index: [0], expected: all, actual: all } },
        })),
      })),
      layers: {
        ...verdict.layers!,
        layers,
        culprits: hostile.map((name, i) => ({
          value: name,
          node: named(i),
          nodes: { a: [named(i)], b: [named(i)] },
          message: all,
          folder: all,
        })),
        notes: hostile,
      },
      selfCheck: { detected: 0, mutations: hostile.map(name => ({ kind: name, node: name, detected: false, message: name })) },
      environment: { onnxruntime: all, node: all, platform: all },
    },
    diff: {
      ...noDiff,
      same: false,
      nodes: {
        ...noDiff.nodes,
        added: [entry],
        removed: [entry],
        changed: [{ ...entry, changes: [{ what: all, before: all, after: all }] }],
      },
    },
    graphs: { a: sketch, b: sketch },
  };
}
