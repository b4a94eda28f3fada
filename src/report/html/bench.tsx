import {
  type ConfigurationTimes,
  type LatencyRatio,
  type Measurement,
  type ModelTimes,
  nameOf,
  shapesOf,
} from '../../measure/measurement.ts';
import { answer, circumstances, memoryText, milliseconds } from '../bench-words.ts';
import { bytes, clip } from '../format.ts';
import { DistributionCharts } from './charts.tsx';
import { page, Section } from './page.tsx';
import { DataTable, Name, Sign, Words } from './parts.tsx';

/** A measurement as one HTML file that needs nothing else. The same measurement gives the same bytes. */
export function benchHtml(measurement: Measurement): string {
  const { a, b } = measurement;
  return page(`${clip(a.label)} and ${clip(b.label)} – onnx-funnel`, <Body measurement={measurement} />);
}

function Body({ measurement }: { readonly measurement: Measurement }) {
  const { configurations } = measurement;
  return (
    <article>
      <Answer measurement={measurement} />
      {configurations.length > 0 && (
        <>
          <Section
            title="Latency"
            note="Each round runs both models: a box holds the middle half of a model's rounds, with the median in it. A round of quick models is the median of several runs: the tail of single runs is not in it."
          >
            <DistributionCharts label="Latency" unit="ms" samples={samplesOf(configurations)} />
          </Section>
          <Section title="Times and memory" note="Load, first run and peak memory are medians of the launches.">
            <Times configurations={configurations} />
          </Section>
        </>
      )}
      <Section title="How this was measured">
        {circumstances(measurement).map(line => (
          <p key={line} class="note">
            <Words>{line}</Words>
          </p>
        ))}
      </Section>
    </article>
  );
}

/** Not by colour alone: each has a sign of its own. */
const signs = { faster: 'same', slower: 'different', none: 'inconclusive', unknown: 'inconclusive' } as const;
const titles: Readonly<Record<LatencyRatio['difference'], string>> = {
  faster: 'B is faster',
  slower: 'B is slower',
  none: 'No difference that this machine can tell',
  unknown: 'Too few launches to tell',
};

function Answer({ measurement: { a, b, complete, configurations, findings, warnings } }: { readonly measurement: Measurement }) {
  const differences = new Set(configurations.map(c => c.latency.difference));
  const [only = 'unknown'] = differences;
  const headline = configurations.length === 0 ? 'Nothing was measured' : differences.size === 1 ? titles[only] : 'It depends';
  const status = findings.length > 0 ? 'different' : differences.size === 1 ? signs[only] : 'inconclusive';
  return (
    <header class={`verdict ${status}`}>
      <p class="eyebrow">
        A: <Name>{a.label}</Name> B: <Name>{b.label}</Name>
      </p>
      <h1 class="headline">{headline}</h1>
      {!complete && <p class="why">The run was interrupted: what is here holds, more was to come.</p>}
      <ul class="findings">
        {configurations.map(c => (
          <li key={nameOf(c, configurations)}>
            <Sign status={signs[c.latency.difference]} />
            <span>
              <strong>{clip(nameOf(c, configurations))}</strong> on {c.adapter}: {answer(c.latency)}
            </span>
          </li>
        ))}
        {[...findings, ...warnings].map((f, i) => (
          <li key={i}>
            <Sign status={i < findings.length ? 'different' : 'inconclusive'} />
            <span>
              <strong>{clip(f.where)}</strong>: <Words>{f.message}</Words> <span class="code">{f.code}</span>
            </span>
          </li>
        ))}
      </ul>
    </header>
  );
}

function samplesOf(configurations: readonly ConfigurationTimes[]) {
  return configurations.flatMap(c =>
    (['a', 'b'] as const).map(role => ({ group: nameOf(c, configurations), series: role.toUpperCase(), values: c[role].samples })),
  );
}

function Times({ configurations }: { readonly configurations: readonly ConfigurationTimes[] }) {
  const head = ['configuration', 'inputs', 'model', 'median', 'p10', 'p90', 'min', 'load', 'first run', 'peak memory'];
  const rows = configurations.flatMap(c => [
    [clip(`${c.provider} ${c.optimization}`), clip(shapesOf(c)), 'A', ...cells(c.a)],
    ['', '', 'B', ...cells(c.b)],
    ['', '', 'B / A', c.latency.ratio.toFixed(3), '', '', '', '', '', memoryText(c)],
  ]);
  return <DataTable caption="Times and memory" head={head} texts={3} rows={rows} />;
}

function cells({ load, firstRun, peakMemory, ...t }: ModelTimes): string[] {
  return [...[t.median, t.p10, t.p90, t.min, load, firstRun].map(milliseconds), peakMemory === 0 ? 'unknown' : bytes(peakMemory)];
}
