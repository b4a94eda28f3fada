import type { Case, Report } from '../../verify/report.ts';
import { findingsOfCase } from '../findings.ts';
import { clip, plural } from '../format.ts';
import { Graphs } from './graphs.tsx';
import { Layers } from './layers.tsx';
import { Outputs } from './outputs.tsx';
import { DataTable, StatusWord, Words } from './parts.tsx';
import { Passes } from './passes.tsx';
import { Findings, Headline, Matrix, Provenance, SelfCheckPart } from './verdict.tsx';

/** Cases that are drawn, where there are many: a picture takes as long as a hundred rows of numbers. */
const MOST_DRAWN = 100;

/** The cases whose charts a page has: those that are not the same first. */
function drawnOf(cases: readonly Case[]): ReadonlySet<Case> {
  const [same, others] = [true, false].map(is => cases.filter(c => (c.verdict.status === 'same') === is)) as [Case[], Case[]];
  return new Set([...others, ...same].slice(0, MOST_DRAWN));
}

/** What the page says: the answer of every case first, then what each rests on. */
export function ReportBody({ report }: { readonly report: Report }) {
  const { cases } = report;
  const [only] = cases;
  if (only && cases.length === 1)
    return (
      <article>
        <Incomplete report={report} />
        <CaseBody of={only} title="h1" drawn />
      </article>
    );
  const drawn = drawnOf(cases);
  return (
    <>
      <Overview report={report} drawn={drawn.size} />
      {cases.map((c, i) => (
        <details key={c.name} class="case" id={`case-${i + 1}`} open={c.verdict.status !== 'same' && i < 20}>
          <summary>
            <StatusWord status={c.verdict.status} /> <strong>{clip(c.name)}</strong>
          </summary>
          <CaseBody of={c} title="p" drawn={drawn.has(c)} />
        </details>
      ))}
    </>
  );
}

function CaseBody({ of, title, drawn }: { readonly of: Case; readonly title: 'h1' | 'p'; readonly drawn: boolean }) {
  const { verdict } = of;
  return (
    <>
      <Headline of={of} title={title} />
      <Findings verdict={verdict} />
      <Matrix verdict={verdict} />
      <Outputs verdict={verdict} drawn={drawn} />
      <Layers layers={verdict.layers} drawn={drawn} />
      <Graphs of={of} />
      <Passes passes={of.passes} />
      <SelfCheckPart verdict={verdict} />
      <Provenance verdict={verdict} />
    </>
  );
}

function Overview({ report, drawn }: { readonly report: Report; readonly drawn: number }) {
  const { cases, status } = report;
  const same = cases.filter(c => c.verdict.status === 'same').length;
  const rows = cases.map((c, i) => [
    <StatusWord key="s" status={c.verdict.status} />,
    <a key="n" href={`#case-${i + 1}`}>
      {clip(c.name)}
    </a>,
    <span key="w">
      <Words>{c.verdict.summary.replace(`${c.verdict.status}: `, '')}</Words>
      <Weakness of={c} />
    </span>,
  ]);
  return (
    <header class={`verdict ${status}`}>
      <p class="eyebrow">Report of {plural(cases.length, 'comparison')}</p>
      <h1 class="headline">
        {cases.length === 0
          ? 'Nothing was compared'
          : same === cases.length
            ? 'All compute the same'
            : `${same} of ${cases.length} compute the same`}
      </h1>
      <Incomplete report={report} />
      {drawn < cases.length && (
        <p class="note">
          Charts are drawn for {drawn} of {cases.length} comparisons, those that are not the same first; tables have the numbers of all.
        </p>
      )}
      {rows.length > 0 && <DataTable caption="Comparisons" head={['result', 'comparison', 'why']} texts={3} rows={rows} />}
    </header>
  );
}

/** Warnings do not hide behind a case that is the same, and closed. */
function Weakness({ of }: { readonly of: Case }) {
  const n = findingsOfCase(of).filter(f => f.level === 'warning').length;
  return n === 0 ? null : <span class="status inconclusive">; {plural(n, 'warning')}</span>;
}

function Incomplete({ report: { complete, shard } }: { readonly report: Report }) {
  return (
    <>
      {!complete && (
        <p class="why">
          <StatusWord status="inconclusive">Not complete: what is here holds, more was to come.</StatusWord>
        </p>
      )}
      {shard && (
        <p class="note">
          Part {shard.index} of {shard.count}.
        </p>
      )}
    </>
  );
}
