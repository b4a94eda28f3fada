import type { ChalkInstance } from 'chalk';
import type { PassReport, Place } from '../rewrite/pass.ts';
import { type ReasonCode, reasons } from '../rewrite/refusal.ts';
import { advice } from './advice.ts';
import { bytes, plain, tally } from './format.ts';
import { together } from './together.ts';

/** What a run of passes over a file did. */
export interface RewriteSummary {
  readonly command: string;
  readonly input: string;
  readonly output: string;
  readonly inputBytes: number | undefined;
  readonly outputBytes: number | undefined;
  /** Whether any pass fired; if none did, the output is the input's bytes, where both are files of the same kind. */
  readonly changed: boolean;
  /** Activations that a placement left out, and why. */
  readonly left: readonly { readonly site: string; readonly op: string; readonly why: string }[];
  readonly passes: readonly PassReport[];
  /** How passes that fired compared with the model before them, where that was asked for. */
  readonly compared?: readonly { readonly pass: string; readonly status: 'same' | 'changes' | 'unknown'; readonly detail: string }[];
}

/** Functions may have many names. */
const MOST_KINDS = 12;

/** The report as text: what each pass did, and what it refused, by reason; with `explain` also where. */
export function rewriteText(summary: RewriteSummary, colors: ChalkInstance, explain: boolean): string {
  const { input, output, inputBytes, outputBytes, changed, passes } = summary;
  const sizes = inputBytes !== undefined && outputBytes !== undefined ? colors.dim(`  ${bytes(inputBytes)} → ${bytes(outputBytes)}`) : '';
  const width = Math.max(...passes.map(p => p.pass.length));
  const lines = [`${colors.bold(plain(nameOf(input, 'stdin')))} → ${colors.bold(plain(nameOf(output, 'stdout')))}${sizes}`];
  const idle: string[] = [];
  for (const report of together(passes)) {
    if (report.fired.length + report.refused.length === 0) {
      idle.push(report.pass);
      continue;
    }
    const all = tally(report.fired.map(place => place.op));
    const did = all.slice(0, explain ? undefined : MOST_KINDS).map(([op, n]) => `${n} × ${plain(op)}`);
    if (all.length > did.length) did.push(`… and ${all.length - did.length} more`);
    const name = report.pass.padEnd(width);
    lines.push(did.length > 0 ? `  ${colors.green(name)}  ${did.join(', ')}` : colors.dim(`  ${name}  nothing done`));
    lines.push(...sites(report, explain).map(line => colors.dim(`      ${line}`)));
    lines.push(...refusals(report, colors, explain, width));
  }
  if (idle.length > 0)
    lines.push(colors.dim(`  nothing to do for ${explain || idle.length < 4 ? idle.join(', ') : `${idle.length} more passes`}`));
  for (const [why, n] of tally(summary.left.map(site => site.why))) {
    lines.push(`  ${' '.repeat(width)}  ${colors.dim(`left out ${n}: ${plain(why)}`)}`);
    const sites = explain ? summary.left.filter(site => site.why === why) : [];
    lines.push(...sites.map(({ site, op }) => colors.dim(`      ${plain(site)} (${plain(op)})`)));
  }
  lines.push(...comparisons(summary.compared ?? [], colors));
  // A text is written anew; and the output may keep its weights elsewhere.
  const copied = inputBytes !== undefined && inputBytes === outputBytes && !output.endsWith('.onnxtxt');
  if (!changed) lines.push(colors.dim(`  no pass changed the model${copied ? ': the output is the input, byte for byte' : ''}`));
  return lines.join('\n');
}

/** Which passes were proved to keep what the model computes, and which were not, and why. */
function comparisons(compared: NonNullable<RewriteSummary['compared']>, colors: ChalkInstance): string[] {
  const named = (status: string) => [...new Set(compared.filter(c => c.status === status).map(c => c.pass))];
  const [same, changes] = [named('same'), named('changes')];
  return [
    ...(same.length > 0 ? [colors.dim(`  same outputs before and after ${same.join(', ')}`)] : []),
    ...(changes.length > 0 ? [colors.dim(`  not compared, as they are meant to change outputs: ${changes.join(', ')}`)] : []),
    ...compared.filter(c => c.status === 'unknown').map(c => colors.yellow(`  ${c.pass} could not be compared: ${plain(c.detail)}`)),
  ];
}

/** The places that a pass fired at: all with `explain`, else those with something to know about; what many have in common once. */
function sites({ fired }: PassReport, explain: boolean): string[] {
  const place = ({ node, op }: Place) => `${plain(node)} (${plain(op)})`;
  if (explain) {
    const said = ({ note, bound }: Place) => [note, bound && moves(bound)].filter(Boolean).join('; ');
    return fired.map(p => (said(p) === '' ? place(p) : `${place(p)}: ${said(p)}`));
  }
  const noted = fired.filter(p => p.note !== undefined);
  const lines = tally(noted.map(p => p.note!)).map(
    ([note, n]) => `${n === 1 ? place(noted.find(p => p.note === note)!) : `${n} of them`}: ${note}`,
  );
  const largest = fired.reduce((max, { bound = 0 }) => Math.max(max, bound), 0);
  return largest > 0 ? [...lines, `each ${moves(largest)}`] : lines;
}

const moves = (bound: number) => `at the very worst moves its result by ${bound.toPrecision(2)}·(max |x| + 1)`;

function refusals({ refused }: PassReport, colors: ChalkInstance, explain: boolean, width: number): string[] {
  return tally(refused.map(place => place.code)).flatMap(([code, n]) => {
    const why = reasons[code as ReasonCode];
    const head = `  ${' '.repeat(width)}  ${colors.yellow(`refused ${n} × ${code}`)}: ${why} — ${advice[code as ReasonCode]}`;
    if (!explain) return [head];
    const sites = refused.filter(place => place.code === code);
    return [head, ...sites.map(({ node, op, detail }) => `      ${plain(node)} (${plain(op)}): ${plain(detail)}`)];
  });
}

/** The report for scripts. Sites are listed in full; counts are by reason code. */
export function rewriteJson(summary: RewriteSummary) {
  const counted = summary.passes.map(p => ({
    pass: p.pass,
    firedCount: p.fired.length,
    refusedCount: Object.fromEntries(tally(p.refused.map(place => place.code))),
    fired: p.fired,
    refused: p.refused,
  }));
  const codes = new Set(summary.passes.flatMap(p => p.refused.map(place => place.code)));
  const remedies = Object.fromEntries([...codes].sort().map(code => [code, { reason: reasons[code], advice: advice[code] }]));
  return { schema: 'onnx-funnel/rewrite@1' as const, ...summary, passes: counted, reasons: remedies };
}

const nameOf = (path: string, standard: string) => (path === '-' ? standard : path);
