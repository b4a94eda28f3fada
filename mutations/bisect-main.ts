import chalk from 'chalk';
import { table } from '../src/report/table.ts';
import { type Bisected, bisect, grades, reproductions } from './bisect.ts';
import { type BreakOptions, breakAll } from './break-main.ts';
import { fates, type Mutant } from './judge.ts';
import type { Kind } from './kind.ts';
import { recorder } from './recorder.ts';

type Result = Mutant & Pick<Kind, 'scope'> & Partial<Bisected>;

/** Whether verify, which sees a mistake, names the node that it is in, and whether the smallest subgraphs that differ do so on their own. */
export async function bisectMain(options: BreakOptions): Promise<void> {
  const results: Result[] = [];
  const record = recorder<Result>(options.jsonl);
  await breakAll(options, async ({ mutant, kind: { scope }, a, b, runtime, where }) => {
    const isSeen = mutant.fate === 'caught' || mutant.fate === 'caught by layers';
    const result = { ...mutant, scope, ...(isSeen && (await bisect(runtime, mutant, a, b, where))) };
    results.push(result);
    record(result);
  });
  report(results);
}

function report(results: readonly Result[]): void {
  const count = (test: (r: Result) => boolean, list = results) => list.filter(test).length;
  const rows = [...new Set(results.map(r => r.kind))].map(kind => {
    const own = results.filter(r => r.kind === kind);
    const numbers = [
      own.length,
      ...grades.map(grade => count(r => r.grade === grade, own)),
      ...reproductions.map(x => count(r => r.reproduction === x, own)),
    ];
    return [kind, own[0]!.scope, ...numbers.map(n => (n === 0 ? '' : String(n)))];
  });
  console.log(table(['kind', 'breaks', 'mutants', ...grades, ...reproductions], rows, chalk, 2));
  for (const r of results)
    if (r.grade && r.scope !== 'interface' && (r.grade !== 'exact' || r.reproduction !== 'reproduced'))
      console.log(`${r.grade}, ${r.reproduction}: ${r.kind} in ${r.network}, ${r.where}: broken ${r.broken!.join(' ')}: ${blame(r)}`);
  const totals = (names: readonly string[], of: (r: Result) => string | undefined) =>
    names.map(name => `${count(r => of(r) === name)} ${name}`).join(', ');
  console.log(`${results.length} mutants: ${totals(fates, r => r.fate)}`);
  console.log(`blamed: ${totals(grades, r => r.grade)}`);
  console.log(`subgraphs: ${totals(reproductions, r => r.reproduction)}`);
}

const blame = ({ blamed = [], notes = [] }: Result): string =>
  [...blamed.map(c => `${c.node} (${c.nodes.join(' ')}; alone ${c.alone ?? 'not written'}): ${c.message}`), ...notes].join(' | ');
