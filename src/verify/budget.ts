import { randomOutputs, reasonsOf, summaryOf } from './conclude.ts';
import { nameOf } from './configuration.ts';
import { type DriftBaseline, hasShrunk, isMeasurable, type KnownDrift, keyOf, type Measure, measures, whereOf } from './known-drift.ts';
import type { ConfigurationResult, Finding, OutputResult, Verdict } from './verdict.ts';

/** What became of one comparison that the baseline knows. */
interface Use {
  readonly configuration: ConfigurationResult;
  readonly result: OutputResult;
  readonly known: KnownDrift;
  readonly as: 'within' | 'over' | 'smaller' | 'unmeasured';
}

/**
 * A verdict in the light of drift that is known and accepted: a comparison within its budget counts as the same, with a warning;
 * one beyond it is different, with both sizes. Only sizes of differences have a budget: edges that differ, NaN and failures stay what they are.
 * Nodes to blame are accepted with the drift that led to them, and only with it: what is wrong and moves no output has no budget.
 * `name` is that of the case in the baseline.
 */
export function applyBaseline(verdict: Verdict, name: string, baseline: DriftBaseline): Verdict {
  const known = baseline.entries.filter(e => e.case === name);
  if (verdict.configurations.length === 0 || baseline.entries.length === 0) return verdict;
  const uses = usesOf(verdict, name, known);
  const accepted = new Set(uses.filter(u => u.as === 'within').map(u => u.result));
  const configurations = accepted.size === 0 ? verdict.configurations : verdict.configurations.map(c => settled(c, accepted));
  const { excused, blamed } = culprits(verdict, configurations, accepted);
  const status = statusNow(verdict, configurations, blamed);
  const random = status === 'inconclusive' && verdict.status === 'different' ? randomOutputs(configurations) : [];
  const reasons = [...reasonsNow(verdict, configurations, uses), ...blamed, ...random];
  const weak = verdict.warnings.filter(w => !random.some(r => r.code === w.code && r.where === w.where));
  const warnings = [...weak, ...remarksOn(uses), ...excused, ...unmatched(verdict, name, known, uses)];
  const outputs = [...new Set(configurations.flatMap(c => c.results.map(r => r.output)))];
  const answer = summaryOf(status, { outputs, configurations, baseline: { summaries: verdict.inputs } }, reasons);
  const summary = status === 'same' && accepted.size > 0 ? `${answer}, known drift in ${accepted.size}` : answer;
  return { ...verdict, status, same: status === 'same', summary, reasons, warnings, configurations };
}

function usesOf({ configurations, inputs }: Verdict, name: string, known: readonly KnownDrift[]): Use[] {
  const entries = new Map(known.map(e => [keyOf(e), e]));
  const hashes = new Map(inputs.map(i => [i.label, i.sha256]));
  return configurations.flatMap(configuration =>
    configuration.results.flatMap((result): Use[] => {
      const entry = entries.get(keyOf({ case: name, ...configuration, ...result }));
      if (!entry || entry.sha256 !== hashes.get(result.input)) return [];
      return [{ configuration, result, known: entry, as: judge(entry, result) }];
    }),
  );
}

function judge(known: KnownDrift, result: OutputResult): Use['as'] {
  if (result.comparison.same) return 'smaller';
  if (result.random || !isMeasurable(result.comparison)) return 'unmeasured';
  return excess(known, result).length > 0 ? 'over' : 'within';
}

const excess = (known: KnownDrift, result: OutputResult): Measure[] => measures(known, result).filter(m => m.now > m.accepted);

/** A configuration whose accepted comparisons count as the same. */
function settled(c: ConfigurationResult, accepted: ReadonlySet<OutputResult>): ConfigurationResult {
  if (!c.results.some(r => accepted.has(r))) return c;
  const results = c.results.map(r => (accepted.has(r) ? { ...r, comparison: { ...r.comparison, same: true, reasons: [] } } : r));
  const failedB = c.failures.filter(f => f.model === 'b');
  const broken = failedB.some(f => f.kind === 'error') && failedB.length === c.failures.length;
  if (broken || results.some(r => !r.comparison.same && !r.random)) return { ...c, results };
  return { ...c, results, status: failedB.length > 0 ? 'unavailable' : 'same' };
}

/** Reasons as `conclude` gives them, those beyond a budget with its size. */
function reasonsNow(verdict: Verdict, configurations: readonly ConfigurationResult[], uses: readonly Use[]): Finding[] {
  const over = byPlace(uses.filter(u => u.as === 'over'));
  return [
    ...outside(verdict),
    ...configurations.flatMap(reasonsOf).map(r => {
      const [worst] = (r.code === 'output-values' && over.get(r.where)) || [];
      return worst ? { ...r, code: 'over-budget', message: `${growth(worst)}; ${r.message}` } : r;
    }),
  ];
}

/** Reasons that belong to no configuration: a budget does not touch them. */
const outside = ({ reasons }: Verdict): Finding[] => reasons.filter(r => !r.configuration);

/** Nodes to blame: those that explain drift that is accepted, as layers were held against each other under its input, and all others. */
function culprits(verdict: Verdict, configurations: readonly ConfigurationResult[], accepted: ReadonlySet<OutputResult>) {
  const explains = ({ configuration: at }: Finding) =>
    verdict.configurations.some(
      (c, i) =>
        at !== undefined &&
        nameOf(c) === nameOf(at) &&
        configurations[i]!.status !== 'different' &&
        c.results.some(r => accepted.has(r) && r.input === verdict.layers?.input),
    );
  const all = verdict.reasons.filter(r => r.nodes);
  return { excused: all.filter(explains), blamed: all.filter(r => !explains(r)) };
}

function growth({ known, result }: Use): string {
  const grown = excess(known, result).map(
    m => `${m.what} was ${short(m.known)} and is ${short(m.now)}, up to ${short(m.accepted)} is accepted`,
  );
  return `known drift has grown: ${grown.join('; ')} (input '${result.input}')`;
}

function statusNow(verdict: Verdict, configurations: readonly ConfigurationResult[], blamed: readonly Finding[]): Verdict['status'] {
  if (verdict.status !== 'different') return verdict.status;
  if (outside(verdict).length + blamed.length > 0 || configurations.some(c => c.status === 'different')) return 'different';
  if (configurations.some(c => c.status === 'unavailable')) return 'unavailable';
  return randomOutputs(configurations).length > 0 ? 'inconclusive' : 'same';
}

function remarksOn(uses: readonly Use[]): Finding[] {
  const within = [...byPlace(uses.filter(u => u.as === 'within'))].map(([where, all]) => {
    const worst = all.reduce((x, y) => (Number(y.result.comparison.maxAbs) > Number(x.result.comparison.maxAbs) ? y : x));
    const sizes = measures(worst.known, worst.result)
      .filter(m => Number.isFinite(m.accepted))
      .map(m => `${m.what} ${short(m.now)} of ${short(m.accepted)}`);
    const message = `differs by no more than the baseline accepts under ${inputsOf(all)}: ${sizes.join(', ')} (input '${worst.result.input}')`;
    return { code: 'within-budget', where, message };
  });
  const wide = [...byPlace(uses.filter(u => u.as === 'within' && u.known.relativeL2 !== 'Infinity' && u.known.relativeL2 >= widest))].map(
    ([where, all]) => ({
      code: 'budget-too-wide',
      where,
      message: `a relative L2 of ${short(Number(all[0]!.known.relativeL2))} is accepted under ${inputsOf(all)}: an output that is zero throughout would be near that, too`,
    }),
  );
  const smaller = [...byPlace(uses.filter(u => u.as !== 'over' && u.as !== 'unmeasured' && hasShrunk(u.known, u.result)))].map(
    ([where, all]) => {
      const gone = all.filter(u => u.as === 'smaller').length;
      const now =
        gone === all.length
          ? 'nothing differs any more'
          : `max abs was ${short(all[0]!.known.maxAbs)} and is ${short(Number(all[0]!.result.comparison.maxAbs))}`;
      return { code: 'baseline-smaller', where, message: `${now} under ${inputsOf(all)}: the baseline can be lowered` };
    },
  );
  return [...within, ...wide, ...smaller];
}

/** Entries for this case that nothing was compared with. */
function unmatched(verdict: Verdict, name: string, known: readonly KnownDrift[], uses: readonly Use[]): Finding[] {
  const code = 'baseline-unmatched';
  if (known.length === 0 && !verdict.same) return [{ code, where: 'baseline', message: `it has no entry for '${name}'` }];
  const used = new Set(uses.map(u => u.known));
  const idle = known.filter(e => !used.has(e));
  if (idle.length === 0) return [];
  const labels = new Set(verdict.inputs.map(i => i.label));
  const listed = idle.slice(0, 3).map(e => whereOf(e) + (labels.has(e.input) ? '' : ', which was not tried'));
  const more = idle.length > 3 ? `; and ${idle.length - 3} more` : '';
  return [{ code, where: 'baseline', message: `entries that match no comparison on the same values: ${listed.join('; ')}${more}` }];
}

function byPlace(uses: readonly Use[]): Map<string, Use[]> {
  const places = new Map<string, Use[]>();
  for (const u of uses) {
    const where = `${nameOf(u.configuration)}, output '${u.result.output}'`;
    const of = places.get(where);
    if (of) of.push(u);
    else places.set(where, [u]);
  }
  return places;
}

/** Budgets of this relative L2 and more say little: that of an output that is zero throughout is 1. */
const widest = 0.5;

const inputsOf = (uses: readonly Use[]) => uses.map(u => `'${u.result.input}'`).join(', ');
const short = (x: number) => (Number.isInteger(x) && x < 1e6 ? String(x) : x.toPrecision(3));
