import { nameOf } from '../../verify/configuration.ts';
import type { LayerReport, NodeRef } from '../../verify/layer-report.ts';
import { clip, plural } from '../format.ts';
import { DriftChart } from './charts.tsx';
import { Section } from './page.tsx';
import { DataTable, Name, StatusWord, Words } from './parts.tsx';
import { spell } from './text.ts';

/** How B drifts from A, layer by layer, and where it first goes wrong. The table below the chart is what the pointer's reading comes from. */
export function Layers({ layers: report, drawn }: { readonly layers: LayerReport | undefined; readonly drawn: boolean }) {
  if (!report) return null;
  const { layers, culprits, notes, input } = report;
  const guilty = new Set(culprits.map(c => c.value));
  const where = `${nameOf(report)}, input ${clip(input)}`;
  return (
    <Section title="Layer by layer" note={`${plural(layers.length, 'value')} that both models compute, on ${where}.`}>
      {culprits.map(c => (
        <Culprit key={c.value} of={c} />
      ))}
      {notes.map(note => (
        <p key={note} class="note">
          <Words>{note}</Words>
        </p>
      ))}
      {layers.length > 0 && (
        <div class="layers">
          {drawn && (
            <>
              <Legend />
              <DriftChart
                label={`Drift along ${layers.length} layers; the table below has the numbers`}
                points={layers.map(l => ({
                  local: l.local.relativeL2,
                  allowed: l.local.allowed,
                  accumulated: l.accumulated.relativeL2,
                  guilty: guilty.has(l.value),
                }))}
              />
              <p class="reading" aria-live="polite" />
            </>
          )}
          <details>
            <summary>Numbers of {plural(layers.length, 'layer')}</summary>
            <div class="tall">
              <DataTable
                caption="Drift by layer"
                head={['#', 'value', 'node of B', 'result', 'local', 'allowed', 'outside', 'together', 'max abs']}
                texts={4}
                rows={layers.map((l, i) => [
                  i + 1,
                  <Name key="v">{l.value}</Name>,
                  describe(l.node),
                  l.status === 'different' ? <StatusWord key="s" status="different" /> : l.status,
                  spell(l.local.relativeL2),
                  spell(l.local.allowed),
                  l.local.violations,
                  spell(l.accumulated.relativeL2),
                  spell(l.accumulated.maxAbs),
                ])}
              />
            </div>
          </details>
        </div>
      )}
    </Section>
  );
}

/** Operator and name, and the pass that made it. */
function describe({ operator, name, pass }: NodeRef): string {
  return `${clip(operator)} ${clip(name)}${pass ? `, made by ${clip(pass)}` : ''}`;
}

function Culprit({ of: { node, nodes, value, message, folder } }: { readonly of: LayerReport['culprits'][number] }) {
  return (
    <div class="culprit">
      <p>
        <StatusWord status="different">{describe(node)}</StatusWord> is where B first goes wrong: value <Name>{value}</Name>,{' '}
        <Words>{message}</Words>
      </p>
      <p class="dim">
        In A: {nodes.a.slice(0, 8).map(describe).join('; ') || 'nothing'}. In B: {nodes.b.slice(0, 8).map(describe).join('; ') || 'nothing'}
        .{node.from && <> Made of {clip(node.from)}.</>}
        {folder && (
          <>
            {' '}
            The smallest graphs that differ are in <Name>{folder}</Name>.
          </>
        )}
      </p>
    </div>
  );
}

const lines = [
  ['together: all layers up to here', 'var(--accent)', '', 2],
  ['local: this layer alone', 'var(--warn)', '', 1],
  ['allowed for one layer', 'var(--soft)', '2 4', 1.5],
] as const;

function Legend() {
  return (
    <ul class="legend">
      {lines.map(([label, color, dash, width]) => (
        <li key={label}>
          <svg width="28" height="8" aria-hidden="true">
            <line x1="0" x2="28" y1="4" y2="4" stroke={color} stroke-dasharray={dash} stroke-width={width} />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}
