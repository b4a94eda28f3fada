import type { PassReport } from '../../rewrite/pass.ts';
import { reasons } from '../../rewrite/refusal.ts';
import { clip, plural } from '../format.ts';
import { Section } from './page.tsx';
import { DataTable, Name, Words } from './parts.tsx';

/** Rows that are shown; the JSON report has them all. */
const MOST = 300;

/** Place by place: what each pass did, what it left alone, and why. */
export function Passes({ passes = [] }: { readonly passes: readonly PassReport[] | undefined }) {
  const left = passes.flatMap(({ pass, refused }) =>
    refused.map(
      ({ op, node, code, detail }) =>
        ['− left alone', pass, op, node, `${detail === reasons[code] ? '' : `${reasons[code]}: `}${detail}`] as const,
    ),
  );
  const done = passes.flatMap(({ pass, fired }) => fired.map(({ op, node, note }) => ['✓ rewritten', pass, op, node, note ?? ''] as const));
  const rows = [...left, ...done];
  if (rows.length === 0) return null;
  return (
    <Section title="What the passes did" note={`${plural(done.length, 'place')} rewritten, ${left.length} left alone.`}>
      <details>
        <summary>{plural(rows.length, 'place')}, one by one</summary>
        <div class="tall">
          <DataTable
            caption="Places"
            head={['place', 'pass', 'operator', 'node', 'why']}
            texts={5}
            rows={rows
              .slice(0, MOST)
              .map(([state, pass, op, node, why]) => [
                state,
                clip(pass),
                clip(op),
                <Name key="n">{node}</Name>,
                <Words key="w">{why}</Words>,
              ])}
          />
        </div>
        {rows.length > MOST && <p class="note">The first {MOST} are shown.</p>}
      </details>
    </Section>
  );
}
