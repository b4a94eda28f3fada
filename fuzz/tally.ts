import Table from 'cli-table3';
import { passes } from '../passes/index.ts';
import type { Judgement } from './judge.ts';

/** What a run of the fuzzer has seen. */
export class Tally {
  networks = 0;
  recipes = 0;
  comparisons = 0;
  rounding = 0;
  failures = 0;
  /** Networks that the runtime does not run, by why. */
  readonly discarded = new Map<string, number>();
  /** Differences that are the runtime's own, by what they are. */
  readonly excused = new Map<string, number>();
  /** Rewrites by pass and operator, and refusals by pass and code. */
  readonly #fired = new Map<string, Map<string, number>>();
  readonly #refused = new Map<string, Map<string, number>>();
  readonly #start = performance.now();

  discard(why: string): void {
    const kind = why.replace(/'[^']*'|"[^"]*"|\d+/g, '…').slice(0, 100);
    this.discarded.set(kind, (this.discarded.get(kind) ?? 0) + 1);
  }

  count({ reports, compared, rounding, excuse, failure }: Judgement): void {
    if (excuse !== undefined) this.excused.set(excuse, (this.excused.get(excuse) ?? 0) + 1);
    this.recipes++;
    if (compared) this.comparisons++;
    if (rounding) this.rounding++;
    if (failure) this.failures++;
    for (const { pass, fired, refused } of reports) {
      for (const { op } of fired) increment(this.#fired, pass, op);
      for (const { code } of refused) increment(this.#refused, pass, code);
    }
  }

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  summary(): string {
    const discarded = [...this.discarded.values()].reduce((a, b) => a + b, 0);
    return (
      `${this.networks} networks (${(this.networks / this.seconds).toFixed(1)} a second), ${discarded} discarded, ${this.recipes} pipelines, ` +
      `${this.comparisons} comparisons (${this.rounding} within what rounding of weights does), ${this.failures} failures`
    );
  }

  /** How often each pass fired, on what, and why it did not. */
  table(): string {
    const table = new Table({
      head: ['pass', 'fired at', 'refused'],
      colWidths: [22, 70, 60],
      wordWrap: true,
      style: { head: [], border: [], compact: true },
    });
    for (const name of Object.keys(passes)) table.push([name, counts(this.#fired.get(name)), counts(this.#refused.get(name))]);
    return table.toString();
  }
}

function increment(table: Map<string, Map<string, number>>, pass: string, kind: string): void {
  const row = table.get(pass) ?? new Map<string, number>();
  row.set(kind, (row.get(kind) ?? 0) + 1);
  table.set(pass, row);
}

function counts(row: ReadonlyMap<string, number> | undefined): string {
  if (!row) return '—';
  const total = [...row.values()].reduce((a, b) => a + b, 0);
  return `${total}: ${[...row]
    .sort((a, b) => b[1] - a[1])
    .map(([kind, n]) => `${kind} ${n}`)
    .join(', ')}`;
}
