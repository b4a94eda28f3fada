import { toUSVString } from 'node:util';
import XMLBuilder from 'fast-xml-builder';
import { nameOf } from '../verify/configuration.ts';
import type { Case, Report } from '../verify/report.ts';
import type { ConfigurationResult, Failure, OutputResult, Verdict } from '../verify/verdict.ts';
import { becameText } from '../verify/words.ts';
import { byOutput, worstByOutput } from '../verify/worst.ts';
import { findingsOf } from './findings.ts';
import { plain } from './format.ts';
import { measured, spell } from './results.ts';

/** What went wrong in a test: `failure` where the answer is no, `error` where there is none. */
interface Problem {
  readonly as: 'failure' | 'error';
  readonly type: string;
  readonly message: string;
  readonly text: string;
}

interface Test {
  readonly name: string;
  readonly problems: readonly Problem[];
}

interface Suite {
  readonly name: string;
  /** Milliseconds; undefined where nobody measured. */
  readonly time?: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly tests: readonly Test[];
  /** What weakens the answer. */
  readonly remarks: readonly string[];
}

/**
 * JUnit's XML, as GitLab, Jenkins and GitHub's actions read it: a suite for each case, a test for each output in each configuration, and for
 * what is about the models as such. A provider that is not there is an error, not a skipped test: the question was asked and has no answer.
 */
export function reportJunit(report: Report): string {
  const suites = [...report.cases.map(suiteOf), ...remainder(report)];
  const document = {
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: { '@name': 'onnx-funnel', ...counts(suites.flatMap(s => s.tests)), testsuite: suites.map(suiteXml) },
  };
  return builder.build(document);
}

const builder = new XMLBuilder({
  attributeNamePrefix: '@',
  ignoreAttributes: false,
  format: true,
  suppressEmptyNode: true,
  suppressBooleanAttributes: false,
});

function suiteOf({ name, verdict }: Case): Suite {
  const problems = modelProblems(verdict);
  const tests = [
    ...(problems.length > 0 ? [{ name: 'models', problems }] : []),
    ...verdict.configurations.flatMap(testsOf),
    ...verdict.reasons.filter(r => r.nodes).map(r => ({ name: `layers: ${r.where}`, problems: [problem('failure', r.code, r.message)] })),
  ];
  // Whatever else is there: a verdict that is not `same` is never green.
  const failed = verdict.same || tests.some(t => t.problems.length > 0);
  const summary = { name: 'verdict', problems: failed ? [] : [problem('failure', verdict.status, verdict.summary)] };
  const remarks = findingsOf({ schema: 'onnx-funnel/report@1', status: verdict.status, complete: true, cases: [{ name, verdict }] });
  return {
    name,
    time: verdict.timings.total,
    properties: propertiesOf(verdict),
    tests: tests.length === 0 || !failed ? [...tests, summary] : tests,
    remarks: remarks.filter(f => f.level !== 'error').map(f => `${f.level} ${f.code}: ${f.where}: ${f.message}`),
  };
}

/** Reasons that belong to no configuration: edges of the models, models that do not load, nothing to compare. */
function modelProblems({ reasons }: Verdict): Problem[] {
  return reasons
    .filter(r => !r.configuration)
    .map(r => problem(r.code.startsWith('runtime-') ? 'error' : 'failure', r.code, `${r.where}: ${r.message}`));
}

function testsOf(c: ConfigurationResult): Test[] {
  const outputs = byOutput(c.results);
  const run = c.failures.length > 0 || outputs.size === 0 ? [{ name: `${nameOf(c)}: run`, problems: runProblems(c) }] : [];
  return [
    ...run,
    ...[...outputs].map(([output, results]) => ({ name: `${nameOf(c)}: output '${output}'`, problems: outputProblems(results) })),
  ];
}

function runProblems(c: ConfigurationResult): Problem[] {
  if (c.failures.length === 0) return c.status === 'same' ? [] : [problem('error', c.status, 'nothing was run')];
  return c.failures.map(f => problem('error', f.kind === 'error' ? f.category : f.kind, failureText(f)));
}

const failureText = ({ model, input, message }: Failure) =>
  `${model.toUpperCase()}${input === undefined ? '' : ` under '${input}'`}: ${message}`;

/** One failure for an output, with a line for each input under which it differs. */
function outputProblems(results: readonly OutputResult[]): Problem[] {
  const different = results.filter(r => !r.comparison.same);
  if (different.length === 0) return [];
  const [worst] = worstByOutput(different);
  const text = different.map(r => `input '${r.input}': ${describe(r)}`).join('\n');
  const message = `differs under ${different.length} of ${results.length} inputs; worst under '${worst!.input}': ${describe(worst!)}`;
  return [{ as: 'failure', type: 'output-values', message, text }];
}

function describe({ comparison: c, tolerance: t, against }: OutputResult): string {
  const worst = c.worst ? `; worst at ${becameText(c.worst)}` : '';
  const own = against === 'reference' ? '' : '; against A in this configuration';
  const norm = `relative L2 ${measured(c, c.relativeL2)} (allowed ${spell(t.relativeL2)}), max abs ${measured(c, c.maxAbs)}`;
  const outside = `${c.violations} of ${c.elements} elements outside atol ${spell(t.atol)}, rtol ${spell(t.rtol)}`;
  return `${c.reasons.join(', ')}: ${norm}, ${outside}${worst}${own}`;
}

/** What is wrong with the report as a whole. */
function remainder(report: Report): Suite[] {
  const problems = findingsOf({ ...report, cases: [] }).filter(f => report.cases.length === 0 || f.code === 'interrupted');
  if (problems.length === 0) return [];
  const test = {
    name: 'complete',
    problems: problems.map(f => problem(f.code === 'interrupted' ? 'error' : 'failure', f.code, f.message)),
  };
  return [{ name: 'report', properties: {}, tests: [test], remarks: [] }];
}

function propertiesOf({ status, a, b, seed, threads, equalNan, inputs, configurations, environment, selfCheck }: Verdict) {
  const tolerances = new Set(configurations.flatMap(c => c.results.map(r => `${r.tolerance.source}: ${r.tolerance.because}`)));
  return {
    status,
    ...(a && { a: a.label }),
    ...(b && { b: b.label }),
    seed: String(seed),
    inputs: inputs.map(i => i.label).join(', '),
    tolerance: [...tolerances].sort().join('; '),
    equalNan: String(equalNan),
    threads: String(threads),
    onnxruntime: environment.onnxruntime,
    node: environment.node,
    platform: environment.platform,
    ...(selfCheck && { selfCheck: `${selfCheck.detected} of ${selfCheck.mutations.length} mutations detected` }),
  };
}

function problem(as: Problem['as'], type: string, message: string): Problem {
  return { as, type, message, text: message };
}

const counts = (tests: readonly Test[]) => ({
  '@tests': tests.length,
  '@failures': tests.filter(t => kindOf(t) === 'failure').length,
  '@errors': tests.filter(t => kindOf(t) === 'error').length,
});

const kindOf = (t: Test) => t.problems[0]?.as;

function suiteXml({ name, time, properties, tests, remarks }: Suite) {
  return {
    '@name': text(name),
    ...counts(tests),
    ...(time !== undefined && { '@time': (time / 1000).toFixed(3) }),
    ...(Object.keys(properties).length > 0 && {
      properties: { property: Object.entries(properties).map(([key, value]) => ({ '@name': key, '@value': text(value) })) },
    }),
    testcase: tests.map(t => testXml(name, t)),
    ...(remarks.length > 0 && { 'system-out': text(remarks.join('\n')) }),
  };
}

/** Viewers show one problem of a test: the others are in its text. */
function testXml(suite: string, { name, problems }: Test) {
  const [first] = problems;
  const attributes = { '@classname': text(suite), '@name': text(name) };
  if (!first) return attributes;
  const all = problems.map(p => p.text).join('\n');
  const message = text(first.message).replaceAll('\n', ' ');
  return { ...attributes, [first.as]: { '@message': message, '@type': first.type, '#text': text(all) } };
}

/** XML 1.0 has no place for control characters, half surrogates and non-characters. */
const text = (s: string) =>
  toUSVString(s)
    .split(/\r\n|[\r\n]/)
    .map(line => plain(line).replace(/[\ufffe\uffff]/g, '?'))
    .join('\n');
