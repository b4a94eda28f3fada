import type { ComponentChildren } from 'preact';
import { nameOf } from '../../verify/configuration.ts';
import type { ConfigurationResult, OutputResult, Verdict } from '../../verify/verdict.ts';
import { clip, count, plural } from '../format.ts';
import { measured } from '../results.ts';
import { HistogramChart } from './charts.tsx';
import { Section } from './page.tsx';
import { DataTable, Name, StatusWord } from './parts.tsx';
import { spell } from './text.ts';
import { worstByOutput } from './worst.ts';

/** Histograms that are shown: the worst come first. */
const MOST = 24;

/** What each output is off by: numbers, and how many elements by how much. */
export function Outputs({ verdict: { configurations }, drawn }: { readonly verdict: Verdict; readonly drawn: boolean }) {
  const worst = worstByOutput(configurations);
  if (worst.length === 0) return null;
  const all = configurations.flatMap(configuration => configuration.results.map(result => ({ configuration, result })));
  const charts = (drawn ? worst : [])
    .filter(w => w.result.comparison.histogram.length > 0)
    .sort((x, y) => order(x.result) - order(y.result));
  return (
    <Section title="Outputs" note="Each output in each configuration, under the input where it is furthest off.">
      <Statistics caption="Outputs at their worst input" rows={worst} />
      <details>
        <summary>All statistics, under every input</summary>
        <Statistics caption="Outputs under every input, all statistics" rows={all} all />
      </details>
      {charts.length > 0 && (
        <div class="grid">
          {charts.slice(0, MOST).map(({ configuration: c, result }) => (
            <Histogram key={`${nameOf(c)} ${result.output}`} configuration={c} result={result} />
          ))}
        </div>
      )}
      {charts.length > MOST && (
        <p class="note">
          The {MOST} worst of {charts.length} histograms are shown.
        </p>
      )}
    </Section>
  );
}

const order = ({ comparison: c }: OutputResult) => (c.same ? 1 : 0);

interface Row {
  readonly configuration: ConfigurationResult;
  readonly result: OutputResult;
}

const number = (name: 'relativeL2' | 'maxAbs' | 'meanAbs' | 'p99Abs' | 'maxRel') => (r: Row) =>
  measured(r.result.comparison, r.result.comparison[name], spell);

const decibels = (name: 'snrDb' | 'psnrDb') => (r: Row) =>
  measured(r.result.comparison, r.result.comparison[name], x => (typeof x === 'number' ? `${x.toFixed(0)} dB` : spell(x)));

const columns: readonly (readonly [title: string, cell: (row: Row) => ComponentChildren, always: boolean])[] = [
  ['output', r => <Name>{r.result.output}</Name>, true],
  ['configuration', ({ configuration: c }) => nameOf(c), true],
  ['input', r => clip(r.result.input), true],
  ['result', r => <Outcome of={r.result} />, true],
  ['outside', ({ result: { comparison: s } }) => (s.violations === 0 ? '0' : `${count(s.violations)} of ${count(s.elements)}`), true],
  ['rel. L2', number('relativeL2'), true],
  ['allowed', ({ result: { tolerance: t } }) => (t.source === 'exact' ? 'exact' : spell(t.relativeL2)), true],
  ['max abs', number('maxAbs'), true],
  ['mean abs', number('meanAbs'), false],
  ['p99 abs', number('p99Abs'), true],
  ['max rel', number('maxRel'), false],
  [
    'ulp',
    ({ result: { comparison: s } }) =>
      s.maxUlp === undefined ? '' : measured(s, s.maxUlp, x => (typeof x === 'number' ? count(x) : spell(x))),
    true,
  ],
  ['cosine', ({ result: { comparison: s } }) => measured(s, s.cosine, x => (typeof x === 'number' ? x.toFixed(6) : spell(x))), false],
  ['SNR', decibels('snrDb'), true],
  ['PSNR', decibels('psnrDb'), false],
  ['atol', r => spell(r.result.tolerance.atol), false],
  ['rtol', r => spell(r.result.tolerance.rtol), false],
  ['atol to pass', r => spell(r.result.comparison.requiredAtol), false],
  ['runtime’s drift', r => (r.result.drift ? spell(r.result.drift.relativeL2) : ''), false],
  ['held against', r => r.result.against, false],
];

function Statistics({ caption, rows, all = false }: { readonly caption: string; readonly rows: readonly Row[]; readonly all?: boolean }) {
  const shown = columns.filter(([, , always]) => all || always);
  return (
    <DataTable
      caption={caption}
      head={shown.map(([title]) => title)}
      texts={4}
      rows={rows.map(row => shown.map(([, cell]) => cell(row)))}
    />
  );
}

function Outcome({ of: { comparison: s } }: { readonly of: OutputResult }) {
  return (
    <StatusWord status={s.same ? 'same' : 'different'}>{s.identical ? 'same bits' : s.same ? 'same' : s.reasons.join(', ')}</StatusWord>
  );
}

function Histogram({ configuration: c, result: { output, input, comparison: s, tolerance: t } }: Row) {
  const differ = s.histogram.reduce((sum, [, n]) => sum + n, 0);
  return (
    <figure>
      <figcaption>
        <Name>{output}</Name> <span class="dim">{`${nameOf(c)}, ${clip(input)}`}</span>
      </figcaption>
      <HistogramChart
        label={`Histogram of |a − b| for output ${clip(output)} on ${nameOf(c)}`}
        decades={s.histogram}
        tolerance={t.atol}
        exceeded={s.violations > 0}
      />
      <p class="dim">
        {differ < s.elements
          ? `${count(s.elements - differ)} of ${plural(s.elements, 'element')} do not differ`
          : `all ${plural(s.elements, 'element')} differ`}
        {', '}
        {s.violations === 0 ? 'none' : count(s.violations)} outside the tolerance.
      </p>
    </figure>
  );
}
