import { dtypes, isKnown } from '../tensor/dtype.ts';
import { sameBits } from '../tensor/fingerprint.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Baseline } from './baseline.ts';
import type { Comparand } from './comparand.ts';
import { short } from './compare.ts';
import { nameOf } from './configuration.ts';
import type { Findings } from './examine.ts';
import { isNoise } from './tolerance.ts';
import type { ConfigurationResult, Failure, Finding, OutputResult, Status, Verdict } from './verdict.ts';
import type { VerifyOptions } from './verify.ts';
import { describeDifference } from './words.ts';
import { byOutput, worstOf } from './worst.ts';

export interface Evidence extends Findings {
  readonly a: Comparand;
  readonly b: Comparand;
  readonly options: VerifyOptions;
  readonly onnxruntime: string;
  readonly milliseconds: number;
  readonly peakMemory: number;
}

/** Draws the conclusion from what the runs found out. */
export function conclude(e: Evidence): Verdict {
  const { options, baseline, configurations } = e;
  const vacuous = vacuity(e);
  const status = statusOf(e, vacuous);
  const reasons = [
    ...e.fatal.map(fatalFinding),
    ...e.differences,
    ...configurations.flatMap(reasonsOf),
    ...culpritsOf(e),
    ...e.unknown,
    ...(status === 'inconclusive' ? vacuous : []),
  ];
  const warnings = [
    ...e.warnings,
    ...(baseline ? [...baseline.remarks, ...weaknesses(baseline, e)] : []),
    ...configurations.flatMap(c => remarks(c, baseline?.summaries.length ?? 0)),
    ...(status === 'inconclusive' ? [] : randomOutputs(configurations)),
    ...doubts(e),
  ];
  return {
    schema: 'onnx-funnel/verdict@1',
    status,
    same: status === 'same',
    summary: summaryOf(status, e, reasons),
    reasons,
    warnings,
    a: e.edges.a && { label: labelOf(e.a, 'A'), ...e.edges.a },
    b: e.edges.b && { label: labelOf(e.b, 'B'), ...e.edges.b },
    excludedOutputs: [...(options.exclude ?? [])],
    reference: { model: 'a', provider: 'cpu', optimization: 'disabled' },
    seed: options.seed ?? 0,
    threads: options.threads ?? 1,
    equalNan: options.equalNan ?? false,
    inputs: baseline?.summaries ?? [],
    configurations,
    ...(e.layers && { layers: e.layers }),
    ...(e.selfCheck && { selfCheck: e.selfCheck }),
    environment: { onnxruntime: e.onnxruntime, node: process.version, platform: `${process.platform}-${process.arch}` },
    timings: { total: Math.round(e.milliseconds), peakMemory: e.peakMemory },
  };
}

function statusOf(e: Evidence, vacuous: readonly Finding[]): Status {
  if (e.fatal.some(isInvalid)) return 'invalid';
  const wrong = e.configurations.some(c => c.status === 'different') || (e.layers?.culprits.length ?? 0) > 0;
  if (e.differences.length > 0 || wrong) return 'different';
  if (e.fatal.length > 0 || e.configurations.some(c => c.status === 'unavailable')) return 'unavailable';
  return e.unknown.length + vacuous.length > 0 ? 'inconclusive' : 'same';
}

/** The runtime has looked at the model, or at the inputs, and says no; what it lacks itself is another matter. */
function isInvalid({ category, kind, input }: Failure): boolean {
  const refused = category === 'load' || category === 'unsupported-op' || category === 'shape';
  return kind === 'error' && (refused || (category === 'other' && input !== undefined));
}

function fatalFinding({ model, input, kind, category, message }: Failure): Finding {
  const where = input === undefined ? model.toUpperCase() : `${model.toUpperCase()} under '${input}'`;
  const code = kind === 'error' ? `runtime-${category}` : `runtime-${kind}`;
  const advice: Readonly<Record<string, string>> = {
    'runtime-shape': ' (give sizes that the model accepts for its symbolic dimensions)',
    'runtime-other': ' (if the values are at fault, give inputs that the model accepts)',
  };
  return { code, where, message: message + ((input !== undefined && model === 'a' && advice[code]) || '') };
}

/** Why agreement would mean nothing; empty when it means something. */
function vacuity({ outputs, baseline, configurations, selfCheck: checked }: Evidence): Finding[] {
  const where = 'models';
  if (outputs.length === 0) return [{ code: 'nothing-compared', where, message: 'there is no output to compare' }];
  if (!baseline || baseline.summaries.length === 0) return [{ code: 'nothing-compared', where, message: 'no input was tried' }];
  if (configurations.length === 0) return [{ code: 'nothing-compared', where, message: 'no provider and level of optimisation was tried' }];
  const all = (test: (t: Tensor) => boolean) => [...baseline.reference.values()].every(values => outputs.every(o => test(values[o]!)));
  if (all(t => t.size === 0)) return [{ code: 'nothing-compared', where, message: 'every output is empty' }];
  if (all(isNan)) return [{ code: 'nothing-compared', where, message: 'every output of A is NaN' }];
  const random = randomOutputs(configurations);
  if (random.length > 0) return random;
  const sets = [...baseline.reference.values()];
  const still = outputs.every(o => sets.every(values => sameBits(values[o]!, sets[0]![o]!)));
  if (sets.length > 1 && still && outputs.some(o => sets[0]![o]!.size === 0)) {
    const message = 'no output depends on the inputs that were tried, and some are empty: other inputs (--data) are needed';
    return [{ code: 'nothing-compared', where, message }];
  }
  if (checked && checked.mutations.length > 0 && checked.detected === 0) {
    const message = `B was broken on purpose in ${checked.mutations.length} ways, and the comparison noticed none: ${checked.mutations[0]!.message}`;
    return [{ code: 'powerless', where: 'self-check', message }];
  }
  return [];
}

/** Outputs that say nothing about B. */
export function randomOutputs(configurations: readonly ConfigurationResult[]): Finding[] {
  const outputs = new Set(configurations.flatMap(c => c.results.filter(r => r.random).map(r => r.output)));
  const message = `A gives other values from run to run under the same input: leave it out with --exclude, or give its random operators a seed`;
  return [...outputs].map(output => ({ code: 'random-output', where: `output '${output}'`, message }));
}

/** The nodes that are to blame. */
function culpritsOf({ layers }: Evidence): Finding[] {
  if (!layers) return [];
  const { provider, optimization, input } = layers;
  return layers.culprits.map(({ node, nodes, value, message, folder }) => ({
    code: 'layer-values',
    where: `${nameOf(layers)}, node '${node.name}' (${node.operator}${node.pass === undefined ? '' : `, made by ${node.pass}`})`,
    message: `computes another '${value}' than A from the same values: ${message} (input '${input}')${folder === undefined ? '' : `; the smallest subgraphs that differ are in ${folder}`}`,
    configuration: { provider, optimization },
    nodes: nodes.b.length > 0 ? nodes.b : [node],
  }));
}

/** What could not be found out, and what the self-check did not see. */
function doubts({ layers, selfCheck, configurations }: Evidence): Finding[] {
  const findings: Finding[] = (layers?.notes ?? []).map(message => ({ code: 'layers-incomplete', where: nameOf(layers!), message }));
  if (layers && layers.culprits.length === 0 && layers.notes.length === 0 && configurations.some(c => c.status === 'different'))
    findings.push({
      code: 'no-culprit',
      where: nameOf(layers),
      message: 'each layer of B alone computes what A does: the difference adds up, or comes where the graph is optimised as a whole',
    });
  if (selfCheck?.mutations.length === 0)
    findings.push({
      code: 'self-check-impossible',
      where: 'self-check',
      message: 'B has nothing that could be broken: no activation, no weight, no operands to exchange',
    });
  for (const m of selfCheck?.mutations ?? [])
    if (!m.detected && selfCheck!.detected > 0)
      findings.push({ code: 'unnoticed-mutation', where: `self-check, node '${m.node}'`, message: m.message });
  return findings;
}

/** What the reference says about the power of the comparison. */
function weaknesses(baseline: Baseline, { outputs, edges }: Evidence): Finding[] {
  const findings: Finding[] = [];
  const sets = [...baseline.reference];
  for (const output of outputs) {
    const where = `output '${output}'`;
    const tensors = sets.map(([, values]) => values[output]!);
    const [first] = tensors;
    const alike = tensors.filter(t => t.dims.join() === first!.dims.join());
    if (edges.a!.inputs.length > 0 && alike.length > 1 && alike.every(t => sameBits(t, first!)))
      findings.push({ code: 'constant-output', where, message: 'does not depend on the inputs' });
    if (tensors.length > 0 && tensors.every(isNan)) findings.push({ code: 'nan-output', where, message: 'is NaN under every input' });
    const [label, noise] = sets
      .map(([l]): [string, number] => [l, baseline.noiseOf(l, output)])
      .reduce((x, y) => (y[1] > x[1] ? y : x), ['', 0]);
    if (first && !isNoise(noise, first.dtype, baseline.precisionOf(output))) {
      const message = `moves by a relative L2 of ${noise.toExponential(1)} when the inputs move by one rounding (${label}): more than a tolerance may allow`;
      findings.push({ code: 'sensitive-output', where, message });
    }
  }
  return findings;
}

/** One reason for each output that differs in a configuration, at its worst input, and one for each failure. */
export function reasonsOf(c: ConfigurationResult): Finding[] {
  if (c.status === 'same') return [];
  const configuration = { provider: c.provider, optimization: c.optimization };
  const failed = c.failures.map(fatalFinding).map(f => ({ ...f, where: `${nameOf(c)}, ${f.where}`, configuration }));
  const different = [...byOutput(c.results.filter(r => !r.comparison.same && !r.random))].map(([output, all]) => ({
    code: 'output-values',
    where: `${nameOf(c)}, output '${output}'`,
    message: describe(all) + wayOut(all),
    configuration,
  }));
  return [...different, ...failed];
}

/** The worst of them, and one that is wrong in another way. */
function describe(different: readonly OutputResult[]): string {
  const worst = worstOf(different)!;
  const other = different.find(r => r.comparison.reasons.some(reason => !worst.comparison.reasons.includes(reason)));
  const words = ({ input, comparison, tolerance }: OutputResult) =>
    `${describeDifference(comparison, tolerance.relativeL2)} (input '${input}')`;
  return [worst, ...(other ? [other] : [])].map(words).join('; and ');
}

/** The tolerance that would have passed, where one would. */
function wayOut(failed: readonly OutputResult[]): string {
  const needed = Math.max(...failed.map(r => Number(r.comparison.requiredAtol)));
  const byNumbers = failed.every(r => r.comparison.reasons.every(reason => reason === 'elements' || reason === 'relative-l2'));
  if (!byNumbers || !(needed > 0 && needed < Number.POSITIVE_INFINITY) || failed.some(r => r.tolerance.source === 'exact')) return '';
  return `; an atol of ${roundedUp(needed)} would have passed${failed.length > 1 ? ' under all inputs' : ''}`;
}

/** Two digits that are no less. */
function roundedUp(x: number): string {
  const rounded = x.toExponential(1);
  return Number(rounded) >= x ? rounded : (Number(rounded) + 10 ** (Math.floor(Math.log10(x)) - 1)).toExponential(1);
}

/** What a configuration did that a reader should know. */
function remarks(c: ConfigurationResult, inputs: number): Finding[] {
  const findings: Finding[] = [];
  const drifted = c.results.filter(
    r => r.against === 'same-configuration' || Number(r.drift?.relativeL2 ?? 0) > Number(r.tolerance.relativeL2),
  );
  for (const output of new Set(drifted.map(r => r.output))) {
    const of = drifted.filter(r => r.output === output);
    const l2 = Math.max(...of.map(r => Number(r.drift?.relativeL2 ?? 0)));
    const then = of.some(r => r.against === 'same-configuration') ? 'so B is compared with A in this configuration' : 'and not on B';
    const message = `ONNX Runtime itself is off by a relative L2 of ${short(l2)} on A here, ${then}`;
    findings.push({ code: 'runtime-drift', where: `${nameOf(c)}, output '${output}'`, message });
  }
  const rounded = c.results.filter(r => r.tolerance.source === 'exact' && r.comparison.same && r.comparison.violations > 0);
  for (const output of new Set(rounded.map(r => r.output))) {
    const { comparison, input } = rounded.find(r => r.output === output)!;
    const message = `${comparison.violations} of ${comparison.elements} elements are others (input '${input}'), no more than of A when its inputs move by one rounding`;
    findings.push({ code: 'rounding-decides', where: `${nameOf(c)}, output '${output}'`, message });
  }
  if (c.adapter?.startsWith('software') && c.results.length > 0) {
    const labels = [...new Set(c.results.map(r => r.input))];
    const message =
      labels.length < inputs
        ? `a software adapter is slow: only inputs ${labels.join(', ')} were run on it`
        : 'what ran here is a software adapter, not a GPU';
    findings.push({ code: 'software-adapter', where: nameOf(c), message });
  }
  const fallbacks = c.placement.b?.fallbacks ?? [];
  if (fallbacks.length > 0) {
    const operators = [...new Set(fallbacks.map(f => f.operator))].sort().join(', ');
    findings.push({ code: 'cpu-fallback', where: nameOf(c), message: `${fallbacks.length} nodes of B ran on the CPU (${operators})` });
  }
  return findings;
}

/** What a summary counts. */
interface Counted extends Pick<Evidence, 'outputs' | 'configurations'> {
  readonly baseline: { readonly summaries: readonly unknown[] } | undefined;
}

export function summaryOf(status: Status, e: Counted, reasons: readonly Finding[]): string {
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  const [first] = reasons;
  if (status !== 'same')
    return `${status}: ${first ? `${first.where}: ${first.message}` : 'no reason known'}${reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : ''}`;
  const identical = e.configurations.filter(c => c.identical).map(nameOf);
  const bits =
    identical.length === e.configurations.length
      ? ', bit-identical'
      : identical.length > 0
        ? `, bit-identical on ${identical.join(', ')}`
        : '';
  return `same: ${count(e.outputs.length, 'output')}, ${count(e.baseline!.summaries.length, 'input')}, ${count(e.configurations.length, 'configuration')}${bits}`;
}

function labelOf(model: Comparand, fallback: string): string {
  return model.label ?? ('path' in model ? model.path : fallback);
}

function isNan(t: Tensor): boolean {
  if (!isKnown(t.dtype) || dtypes[t.dtype].kind !== 'float' || t.size === 0) return false;
  return Array.prototype.every.call(t.numbers(), Number.isNaN);
}
