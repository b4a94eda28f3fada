import Table from 'cli-table3';
import { formats, render } from '../src/report/reporters.ts';
import { large } from '../test/support/reports.ts';

/**
 * How long each format takes for a report of 10,000 outputs and 10,000 layers, and how large it becomes: `npm run bench -- reports`.
 * ROUNDS sets the number of runs, of which the median is told.
 */
const rounds = Number(process.env.ROUNDS ?? 5);
const table = new Table({
  head: ['format', ...['10 × 1,000', '1,000 × 10', '1 × 10,000'].flatMap(s => [`${s}: ms`, 'kB'])],
  style: { head: [], border: [] },
});
const reports = [large(10, 1000), large(1000, 10), large(1, 10_000)];
for (const format of formats) {
  const cells: string[] = [];
  for (const report of reports) {
    const times: number[] = [];
    let bytes = 0;
    for (let i = 0; i < rounds; i++) {
      const start = performance.now();
      bytes = Buffer.byteLength(await render(report, format, { detail: true }));
      times.push(performance.now() - start);
    }
    times.sort((x, y) => x - y);
    cells.push(times[rounds >> 1]!.toFixed(0), (bytes / 1000).toFixed(0));
  }
  table.push([format, ...cells]);
}
console.log(`cases × outputs and layers of each, every detail asked for\n${table.toString()}`);
