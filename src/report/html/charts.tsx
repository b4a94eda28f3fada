import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import type { JsonNumber } from '../../verify/compare.ts';
import { clip } from '../format.ts';

/**
 * Charts as SVG that needs no script. They take their colours from the page's style, so that they are right in light and in dark, and
 * every line differs by more than its colour. Logarithms are taken here, so that 0, NaN and what is beyond a double's range stay in the picture.
 */
const { document } = parseHTML('<html></html>');

/** A chart in the page; `label` says in words what it shows. The frame is what the script needs to find a point under the pointer. */
function Chart({
  label,
  options,
  class: name = '',
}: {
  readonly label: string;
  readonly options: Plot.PlotOptions;
  readonly class?: string;
}) {
  const svg = Plot.plot({ marginRight: 20, ...options, document, style: { background: 'none', fontSize: '11px' } });
  const { width = 0, height = 0, marginLeft = 0, marginRight = 20, marginTop = 0, marginBottom = 0 } = options;
  return (
    <div
      class={`chart ${name}`}
      role="img"
      aria-label={label}
      data-left={marginLeft}
      data-right={width - marginRight}
      data-top={marginTop}
      data-bottom={height - marginBottom}
      dangerouslySetInnerHTML={{ __html: rounded(svg.outerHTML) }}
    />
  );
}

/** A hundredth of a pixel is enough; labels, which are no attributes, stay as they are. */
const rounded = (svg: string) => svg.replace(/="[^"]*"/g, attribute => attribute.replace(/(\.\d\d)\d+/g, '$1'));

const power = (exponent: number) => (Number.isInteger(exponent) ? `1e${exponent}` : '');

/** A logarithm that has a place for none, and tells one from it. */
const heightOf = (elements: number) => Math.log10(elements + 1);
const tens = Array.from({ length: 9 }, (_, i) => (i < 4 ? String(10 ** (i + 1)) : `1e${i + 1}`));

/**
 * How many elements are off by how much: `decades` as in `Comparison.histogram`, and the absolute tolerance (0 for none). Decades beyond it
 * are marked where elements are outside (`exceeded`).
 */
export function HistogramChart(props: {
  readonly label: string;
  readonly decades: readonly (readonly [decade: number, elements: number])[];
  readonly tolerance: number;
  readonly exceeded: boolean;
}) {
  const { label, decades, tolerance, exceeded } = props;
  const limit = tolerance > 0 ? Math.log10(tolerance) : undefined;
  const bars = decades.map(([decade, elements]) => ({
    decade,
    elements: heightOf(elements),
    over: exceeded && limit !== undefined && decade + 1 > limit,
  }));
  const ends = [
    ...decades.map(([d]) => d),
    ...decades.map(([d]) => d + 1),
    ...(limit === undefined ? [] : [Math.floor(limit), Math.ceil(limit)]),
  ];
  const most = Math.max(1, ...bars.map(b => b.elements));
  const marks = ['0', '1', ...tens].filter(n => heightOf(Number(n)) <= most && (n !== '1' || most < 2));
  return (
    <Chart
      label={label}
      options={{
        width: 340,
        height: 180,
        marginLeft: 40,
        marginTop: 34,
        marginBottom: 36,
        x: { domain: [Math.min(...ends), Math.max(...ends)], ticks: 6, labelOffset: 34, tickFormat: power, label: '|a − b| →' },
        y: {
          domain: [0, most * 1.05],
          ticks: marks.map(n => heightOf(Number(n))),
          tickFormat: (_, i) => marks[i]!,
          label: '↑ elements',
          grid: true,
        },
        marks: [
          Plot.rectY(bars, {
            x1: 'decade',
            x2: d => d.decade + 1,
            y: 'elements',
            fill: d => (d.over ? 'var(--bad)' : 'var(--accent)'),
            insetLeft: 1,
            insetRight: 1,
          }),
          Plot.ruleY([0], { stroke: 'var(--line-strong)' }),
          ...(limit === undefined
            ? []
            : [
                Plot.ruleX([limit], { stroke: 'var(--ink)', strokeDasharray: '4 3', strokeWidth: 1.25 }),
                Plot.text([limit], { x: d => d, frameAnchor: 'top', dy: -12, text: () => 'atol', fill: 'var(--ink)' }),
              ]),
        ],
      }}
    />
  );
}

/** A value of a layer; JSON's spelling of what is not finite is welcome. */
type Measure = JsonNumber;

export interface DriftPoint {
  readonly local: Measure;
  readonly accumulated: Measure;
  readonly allowed: Measure;
  /** Where B first goes wrong. */
  readonly guilty: boolean;
}

/** Decades below the smallest value where 0 is drawn. */
const FLOOR = 1;

/**
 * Relative L2 along the layers, in their order, on a logarithmic axis: what each layer does alone, what all do together, and what is
 * allowed. Zero has a line of its own at the bottom; what is not a number is at the top.
 */
export function DriftChart({ label, points }: { readonly label: string; readonly points: readonly DriftPoint[] }) {
  const logs = points.flatMap(p => [p.local, p.accumulated, p.allowed].map(x => Math.log10(Number(x)))).filter(Number.isFinite);
  const bottom = Math.floor(logs.reduce((x, y) => Math.min(x, y), logs[0] ?? -8)) - FLOOR;
  const top = Math.max(Math.ceil(logs.reduce((x, y) => Math.max(x, y), logs[0] ?? 0) + 0.2), bottom + 3);
  const at = (x: Measure) => {
    const log = Math.log10(Number(x));
    return Number.isNaN(log) ? top : Math.min(top, Math.max(bottom, log));
  };
  const line = (of: (p: DriftPoint) => Measure) => ({ x: (_: DriftPoint, i: number) => i + 1, y: (p: DriftPoint) => at(of(p)) });
  const guilty = points.flatMap((p, i) => (p.guilty ? [{ x: i + 1, y: at(p.local) }] : []));
  return (
    <Chart
      label={label}
      class="drift"
      options={{
        width: 1100,
        height: 294,
        marginLeft: 48,
        marginTop: 40,
        marginBottom: 38,
        x: {
          domain: [1, Math.max(2, points.length)],
          label: 'layer, in order →',
          labelOffset: 34,
          tickFormat: (i: number) => (Number.isInteger(i) ? `${i}` : ''),
        },
        y: {
          domain: [bottom, top],
          ticks: 6,
          grid: true,
          tickFormat: (e: number) => (e === bottom ? '0' : power(e)),
          label: '↑ relative L2',
        },
        marks: [
          Plot.lineY(points, { ...line(p => p.allowed), stroke: 'var(--soft)', strokeDasharray: '2 4', strokeWidth: 1.25, curve: 'step' }),
          Plot.lineY(points, { ...line(p => p.local), stroke: 'var(--warn)', strokeWidth: 1 }),
          Plot.lineY(points, { ...line(p => p.accumulated), stroke: 'var(--accent)', strokeWidth: 2 }),
          Plot.ruleX(guilty, { x: 'x', stroke: 'var(--bad)', strokeOpacity: 0.35 }),
          Plot.dot(guilty, { x: 'x', y: 'y', symbol: 'times', stroke: 'var(--bad)', strokeWidth: 2.5, r: 6 }),
          Plot.text(guilty.slice(0, 3), { x: 'x', frameAnchor: 'top', dy: -17, text: () => 'guilty', fill: 'var(--bad)', fontWeight: 600 }),
        ],
      }}
    />
  );
}

/** Measurements of one thing: `group` has a picture of its own (a provider), `series` is what is compared in it (A, B). */
export interface Samples {
  readonly group: string;
  readonly series: string;
  readonly values: readonly number[];
}

/**
 * Distributions side by side, such as the latencies of A and of B, one picture with an axis of its own for each provider: a box from the
 * first to the third quartile with the median in it, whiskers, and below it a tick for every value (of many, 100 evenly chosen among the
 * sorted ones). `unit` names the axis, such as `ms`.
 *
 *     <DistributionCharts label="Latency" unit="ms" samples={[{ group: 'cpu', series: 'A', values: [1.2, 1.3] }, …]} />
 */
export function DistributionCharts({
  label,
  unit,
  samples,
}: {
  readonly label: string;
  readonly unit: string;
  readonly samples: readonly Samples[];
}) {
  return (
    <div class="distributions">
      {[...new Set(samples.map(s => s.group))].map(group => (
        <figure key={group}>
          <figcaption>{clip(group)}</figcaption>
          <DistributionChart label={`${label}: ${clip(group)}`} unit={unit} samples={samples.filter(s => s.group === group)} />
        </figure>
      ))}
    </div>
  );
}

function DistributionChart({
  label,
  unit,
  samples,
}: {
  readonly label: string;
  readonly unit: string;
  readonly samples: readonly Samples[];
}) {
  const series = samples.map(s => clip(s.series, 24));
  const rows = samples.flatMap((s, i) => s.values.filter(Number.isFinite).map(value => ({ series: series[i]!, value })));
  const ticks = samples.flatMap((s, i) => thinned(s.values).map(value => ({ series: series[i]!, value })));
  const color = (d: { readonly series: string }) => (d.series === series[0] ? 'var(--soft)' : 'var(--accent)');
  const place = { x: 'value', y: 'series' } as const;
  return (
    <Chart
      label={label}
      class="drift"
      options={{
        width: 1100,
        height: 56 + series.length * 48,
        marginLeft: Math.min(170, 24 + 7 * Math.max(1, ...series.map(s => s.length))),
        marginTop: 10,
        marginBottom: 38,
        x: { label: `${unit} →`, labelOffset: 34, grid: true, nice: true },
        y: { domain: series, label: null, tickSize: 0, padding: 0.12 },
        marks: [
          Plot.tickX(ticks, { ...place, stroke: color, strokeOpacity: 0.45, insetTop: 36, insetBottom: 0 }),
          Plot.boxX(rows, {
            ...place,
            fill: color,
            fillOpacity: 0.3,
            stroke: color,
            strokeWidth: 1.5,
            r: 0,
            insetTop: 8,
            insetBottom: 8,
          }),
        ],
      }}
    />
  );
}

const TICKS = 100;

function thinned(values: readonly number[]): number[] {
  const sorted = values.filter(Number.isFinite).sort((x, y) => x - y);
  if (sorted.length <= TICKS) return sorted;
  return Array.from({ length: TICKS }, (_, i) => sorted[Math.round((i * (sorted.length - 1)) / (TICKS - 1))]!);
}
