import type { Diff } from '../../inspect/diff.ts';
import type { Case } from '../../verify/report.ts';
import { clip, plural } from '../format.ts';
import { drawnPair } from './graph-data.ts';
import { Explorer } from './graph-explorer.tsx';
import { Section } from './page.tsx';
import { DataTable, Name, Words } from './parts.tsx';

/** What tells the two models apart: in numbers, in a table, and in a picture of both graphs. */
export function Graphs({ of }: { readonly of: Case }) {
  const pair = drawnPair(of);
  if (!pair && !of.diff) return null;
  return (
    <Section title="What changed" note={of.diff && summaryOf(of.diff)}>
      {pair && (
        <>
          <Legend />
          <div class="graphs">
            <script type="application/json" dangerouslySetInnerHTML={{ __html: inScript(pair) }} />
            <div class="explorer">
              <Explorer pair={pair} />
            </div>
          </div>
        </>
      )}
      {of.diff && <Sites diff={of.diff} />}
    </Section>
  );
}

/** JSON that nothing in it can end, or begin, a script element. */
const inScript = (value: unknown) => JSON.stringify(value).replace(/</g, '\\u003c');

function summaryOf({ same, nodes: n, weights: w }: Diff): string {
  if (same) return 'Nothing but the order of nodes may differ.';
  return [counts(n, 'node'), counts(w, 'weight')].filter(Boolean).join(' ');
}

function counts({ same, changed, added, removed, renamed }: Diff['nodes'] | Diff['weights'], noun: string): string {
  const words = [
    [changed.length, 'changed'],
    [added.length, 'added'],
    [removed.length, 'removed'],
    [renamed.length, 'renamed'],
    [same, 'the same'],
  ] as const;
  const told = words.flatMap(([count, word]) => (count > 0 ? `${count} ${word}` : []));
  return told.length > 0 ? `${noun}s: ${told.join(', ')}.`.replace(/^./, c => c.toUpperCase()) : '';
}

const legend = [
  ['same', '', 'the same'],
  ['changed', '~', 'changed'],
  ['added', '+', 'added in B'],
  ['removed', '−', 'removed from A'],
  ['guilty', '✗', 'guilty'],
] as const;

function Legend() {
  return (
    <ul class="legend">
      {legend.map(([state, sign, label]) => (
        <li key={state}>
          <svg width="22" height="16" class={`box ${state}`} aria-hidden="true">
            <rect x="1" y="1" width="20" height="14" rx="3" />
            <text x="11" y="12" text-anchor="middle">
              {sign}
            </text>
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

/** Rows that are shown; the JSON report has them all. */
const MOST = 300;

/** Site by site: what became of a node, and which pass made it of what. */
function Sites({ diff: { nodes, interface: edges, model } }: { readonly diff: Diff }) {
  const change = ({ what, before, after }: Diff['model'][number]) => `${what}: ${before ?? 'none'} → ${after ?? 'none'}`;
  const made = ({ pass, from }: Diff['nodes']['added'][number]) => (pass ? `made by ${pass}${from ? ` of ${from}` : ''}` : '');
  const rows = [
    ...edges.map(c => ['interface', '', '', change(c)] as const),
    ...model.map(c => ['model', '', '', change(c)] as const),
    ...nodes.changed.map(n => ['~ changed', n.op, n.node, [...n.changes.map(change), made(n)].filter(Boolean).join('; ')] as const),
    ...nodes.added.map(n => ['+ added', n.op, n.node, made(n)] as const),
    ...nodes.removed.map(n => ['− removed', n.op, n.node, ''] as const),
  ];
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{plural(rows.length, 'change')}, one by one</summary>
      <div class="tall">
        <DataTable
          caption="Changes"
          head={['change', 'operator', 'node', 'how']}
          texts={4}
          rows={rows
            .slice(0, MOST)
            .map(([state, op, node, how]) => [state, clip(op), <Name key="n">{node}</Name>, <Words key="h">{how}</Words>])}
        />
      </div>
      {rows.length > MOST && <p class="note">The first {MOST} are shown.</p>}
    </details>
  );
}
