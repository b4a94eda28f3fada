import { createHash } from 'node:crypto';
import { isAbsolute, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Log, LogicalLocation, ReportingDescriptor, Result } from 'sarif';
import type { Report } from '../verify/report.ts';
import { type CaseFinding, fileOf, findingsOf } from './findings.ts';
import { ruleOf, rules } from './rules.ts';

/** SARIF 2.1.0: a result for each finding, at the file of model B and at the node or output that it is about. */
export function reportSarif(report: Report): string {
  const findings = findingsOf(report);
  const prints = fingerprints(findings);
  const codes = [...new Set([...Object.keys(rules), ...findings.map(f => f.code)])];
  const log: Log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'onnx-funnel', rules: codes.map(descriptor) } },
        automationDetails: { id: 'onnx-funnel/' },
        invocations: [{ executionSuccessful: report.complete && report.status !== 'unavailable' && report.status !== 'invalid' }],
        results: findings.map((f, i) => result(f, codes.indexOf(f.code), fallback(report), prints[i]!)),
        columnKind: 'utf16CodeUnits',
        properties: {
          status: report.status,
          complete: report.complete,
          ...(report.shard && { shard: report.shard }),
          selfChecks: selfChecks(report),
        },
      },
    ],
  };
  return JSON.stringify(log, undefined, 2);
}

function descriptor(code: string): ReportingDescriptor {
  const { title, help } = ruleOf(code);
  return { id: code, name: nameOf(code), shortDescription: { text: title }, fullDescription: { text: help }, help: { text: help } };
}

/** `OutputValues`, as SARIF spells names. */
const nameOf = (code: string) => code.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());

function result(f: CaseFinding, ruleIndex: number, file: string, fingerprint: string): Result {
  return {
    ruleId: f.code,
    ruleIndex,
    level: f.level,
    message: { text: `${f.where}: ${f.message}` },
    locations: [
      {
        // Code scanning asks for a line, which a model does not have.
        physicalLocation: { artifactLocation: { uri: uriOf(f.file ?? file) }, region: { startLine: 1 } },
        logicalLocations: logical(f),
      },
    ],
    // The numbers of a finding may change from run to run; what it is about does not.
    partialFingerprints: { primaryLocationLineHash: fingerprint },
    ...(f.case && { properties: { case: f.case } }),
  };
}

function logical({ nodes, where }: CaseFinding): LogicalLocation[] {
  if (nodes.length > 0) return nodes.map(n => ({ name: n.name, fullyQualifiedName: n.name, kind: 'node', properties: { ...n } }));
  const [, kind, name] = /(?:^|, )(input|output|node|value) '(.*)'$/s.exec(where) ?? [];
  return [{ name: name ?? where, fullyQualifiedName: where, kind: kind ?? 'element' }];
}

/** Viewers want a place for everything: the first model that has a name. */
function fallback({ cases }: Report): string {
  return cases.map(fileOf).find(file => file !== undefined) ?? cases[0]?.name ?? 'report';
}

/** A relative path stays relative: viewers take it from the root of the repository. */
function uriOf(path: string): string {
  if (isAbsolute(path)) return pathToFileURL(path).href;
  return path.split(sep).map(encodeURIComponent).join('/');
}

function selfChecks({ cases }: Report) {
  return cases.flatMap(({ name, verdict: { selfCheck } }) =>
    selfCheck ? [{ case: name, mutations: selfCheck.mutations.length, detected: selfCheck.detected }] : [],
  );
}

/** Two findings about the same thing are numbered, so that viewers do not take them for one. */
function fingerprints(findings: readonly CaseFinding[]): string[] {
  const seen = new Map<string, number>();
  return findings.map(f => {
    const of = hash(f.case, f.code, f.where);
    const n = (seen.get(of) ?? 0) + 1;
    seen.set(of, n);
    return `${of}:${n}`;
  });
}

const hash = (...parts: readonly string[]) => createHash('sha256').update(JSON.stringify(parts)).digest('hex');
