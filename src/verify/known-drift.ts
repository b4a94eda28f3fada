import { z } from 'zod';
import { FunnelError } from '../errors.ts';
import { optimizations } from '../runtime/optimization.ts';
import type { Comparison } from './compare.ts';
import { conforming, parseJson } from './document.ts';
import type { Case } from './report.ts';
import type { OutputResult, Verdict } from './verdict.ts';

const size = z.number().nonnegative();

/**
 * One comparison that is known to differ, and by how much. It is found again by names (case, configuration, output, input) and by the hash of the
 * input's names, types, shapes and values, which stands for seed and sizes too. Hashes of the models are no part of it: what CI compares
 * is built anew each time, and that the new one drifts no further is the question. So a baseline of other models can apply only where all names
 * and all values of an input are the same, and never unseen: each use is a warning in the verdict.
 */
const entrySchema = z.strictObject({
  case: z.string(),
  provider: z.string(),
  optimization: z.enum(optimizations),
  output: z.string(),
  input: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal'),
  /** `Infinity` where the reference is zero throughout. */
  relativeL2: z.union([size, z.literal('Infinity')]),
  maxAbs: size,
  requiredAtol: size,
  /** Elements outside the tolerance. */
  violations: z.int().nonnegative(),
});

export const baselineSchema = z.strictObject({ schema: z.literal('onnx-funnel/baseline@1'), entries: z.array(entrySchema) });

/** Drift that is known and accepted. */
export type KnownDrift = Readonly<z.infer<typeof entrySchema>>;
export interface DriftBaseline {
  readonly schema: 'onnx-funnel/baseline@1';
  readonly entries: readonly KnownDrift[];
}

/** @throws FunnelError `E_BASELINE` for text that is no baseline: what is wrong, and where */
export function readBaseline(text: string, label: string): DriftBaseline {
  const refuse = (what: string) => new FunnelError('E_BASELINE', `${label} is no baseline: ${what}; --update-baseline writes one`);
  const baseline = conforming(parseJson(text, refuse), baselineSchema, refuse);
  const seen = new Set<string>();
  for (const e of baseline.entries) {
    const key = keyOf(e);
    if (seen.has(key)) throw refuse(`it has two entries for ${whereOf(e)} of ${e.case}`);
    seen.add(key);
  }
  return baseline;
}

export const emptyBaseline: DriftBaseline = { schema: 'onnx-funnel/baseline@1', entries: [] };

/**
 * A baseline of what differs now. What `previous` has stays for other cases and for configurations that were not run.
 * Verdicts are taken as they were concluded, before any baseline was applied.
 */
export function baselineOf(cases: readonly Case[], previous: DriftBaseline = emptyBaseline): DriftBaseline {
  const ran = new Set<string>();
  for (const { name, verdict } of cases)
    for (const c of verdict.configurations) if (c.results.length > 0) ran.add(JSON.stringify([name, c.provider, c.optimization]));
  const kept = previous.entries.filter(e => !ran.has(JSON.stringify([e.case, e.provider, e.optimization])));
  const entries = [...kept, ...cases.flatMap(c => driftOf(c.name, c.verdict))];
  return { ...emptyBaseline, entries: entries.sort((x, y) => compareText(keyOf(x), keyOf(y))) };
}

function driftOf(name: string, { configurations, inputs }: Verdict): KnownDrift[] {
  const hashes = new Map(inputs.map(i => [i.label, i.sha256]));
  return configurations.flatMap(({ provider, optimization, results }) =>
    results
      .filter(r => !r.comparison.same && !r.random && isMeasurable(r.comparison))
      .map(({ output, input, comparison: c }) => ({
        ...{ case: name, provider, optimization, output, input, sha256: hashes.get(input)! },
        ...{ relativeL2: c.relativeL2 as number | 'Infinity', maxAbs: Number(c.maxAbs) },
        ...{ requiredAtol: Number(c.requiredAtol), violations: c.violations },
      })),
  );
}

/** Whether a difference is one of size: never of type, shape, NaN, infinities or strings. */
export function isMeasurable({ reasons, relativeL2, maxAbs, requiredAtol }: Comparison): boolean {
  const ofSize = reasons.every(r => r === 'elements' || r === 'relative-l2');
  return ofSize && typeof maxAbs === 'number' && maxAbs > 0 && typeof requiredAtol === 'number' && relativeL2 !== 'NaN';
}

/** How far a measure may go: what is known, five percent of it, and what is allowed anyway, which is noise. */
const accepted = (known: number, tolerance: number) => known * 1.05 + tolerance;

/** One measure of a difference: as it is known, as it is, and how far it may go. */
export interface Measure {
  readonly what: string;
  readonly known: number;
  readonly now: number;
  readonly accepted: number;
}

export function measures(known: KnownDrift, { comparison: c, tolerance: t }: OutputResult): Measure[] {
  const measure = (what: string, before: number, now: number, tolerance: number) => ({
    what,
    known: before,
    now,
    accepted: accepted(before, tolerance),
  });
  return [
    measure('relative L2', Number(known.relativeL2), Number(c.relativeL2), Number(t.relativeL2)),
    measure('max abs', known.maxAbs, Number(c.maxAbs), t.atol),
    measure('required atol', known.requiredAtol, Number(c.requiredAtol), t.atol),
    { what: 'elements outside', known: known.violations, now: c.violations, accepted: Math.ceil(accepted(known.violations, 0)) },
  ];
}

/** Whether so much less is needed now that it is no noise. */
export function hasShrunk(known: KnownDrift, result: OutputResult): boolean {
  if (result.comparison.same) return true;
  const { relativeL2, atol } = result.tolerance;
  return measures(known, result)
    .slice(0, 2)
    .every((m, i) => (i === 0 && relativeL2 === 'Infinity') || accepted(m.now, i === 0 ? Number(relativeL2) : atol) < m.known);
}

export const keyOf = (e: Pick<KnownDrift, 'case' | 'provider' | 'optimization' | 'output' | 'input'>): string =>
  JSON.stringify([e.case, e.provider, e.optimization, e.output, e.input]);

export const whereOf = (e: Pick<KnownDrift, 'provider' | 'optimization' | 'output' | 'input'>): string =>
  `${e.provider} ${e.optimization}, output '${e.output}', input '${e.input}'`;

const compareText = (x: string, y: string) => (x < y ? -1 : x > y ? 1 : 0);
