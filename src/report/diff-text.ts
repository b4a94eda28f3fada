import type { ChalkInstance } from 'chalk';
import type { Change, Diff, DiffNode } from '../inspect/diff.ts';
import { plain } from './format.ts';

/** Lines of one list that are shown where not all are asked for. */
const MOST_LINES = 12;

export interface DiffView {
  readonly a: string;
  readonly b: string;
  readonly all: boolean;
}

/** A diff for people: one block for each kind of thing, with a line for each difference. */
export function diffText(diff: Diff, { a, b, all }: DiffView, colors: ChalkInstance): string {
  const name = (path: string) => colors.bold(plain(path === '-' ? 'standard input' : path));
  const head = `${name(a)} ${colors.dim('→')} ${name(b)}`;
  if (diff.same) return `${head}\n  no difference`;
  const mark: Marks = {
    added: text => colors.green(`+ ${plain(text)}`),
    removed: text => colors.red(`- ${plain(text)}`),
    changed: text => colors.yellow(`~ ${plain(text)}`),
    renamed: text => colors.cyan(`≈ ${plain(text)}`),
  };
  const list = (lines: readonly string[]) => {
    const shown = all ? lines : lines.slice(0, MOST_LINES);
    const more = lines.length - shown.length;
    return [...shown.map(line => `    ${line}`), ...(more > 0 ? [colors.dim(`    … and ${more} more; --all shows them`)] : [])];
  };
  const block = (title: string, counts: string, ...lists: readonly (readonly string[])[]) =>
    lists.every(lines => lines.length === 0)
      ? [colors.dim(`  ${title}  same${counts === '' ? '' : ` (${counts})`}`)]
      : [`  ${colors.bold(title)}${counts === '' ? '' : `  ${colors.dim(counts)}`}`, ...lists.flatMap(list)];
  const { nodes, weights, functions } = diff;
  const changes = (of: readonly Change[]) => of.map(change => marked(change, mark));
  const results = diff.results.map(({ path, ...change }) => marked({ ...change, what: `${path ? `${path} ` : ''}${change.what}` }, mark));
  return [
    head,
    ...block('interface', '', changes(diff.interface)),
    ...block('model', '', changes(diff.model)),
    ...block('nodes', countsOf(nodes), ...nodeLists(diff, mark), results),
    ...block('weights', countsOf(weights), ...weightLists(diff, mark)),
    ...(functions.added.length + functions.removed.length + functions.changed.length > 0
      ? block('functions', '', functions.added.map(mark.added), functions.removed.map(mark.removed), changes(functions.changed))
      : []),
  ].join('\n');
}

type Marks = Readonly<Record<'added' | 'removed' | 'changed' | 'renamed', (text: string) => string>>;

function marked({ what, before, after }: Change, mark: Marks): string {
  if (before === undefined) return mark.added(`${what}: ${after}`);
  if (after === undefined) return mark.removed(`${what}: ${before}`);
  return mark.changed(`${what}: ${before || 'none'} → ${after || 'none'}`);
}

interface Counted {
  readonly same: number;
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
  readonly changed: readonly unknown[];
  readonly renamed: readonly unknown[];
}

function countsOf({ same, ...lists }: Counted): string {
  const counts = [
    same > 0 ? `${same} same` : '',
    ...Object.entries(lists).map(([what, of]) => (Array.isArray(of) && of.length > 0 ? `${of.length} ${what}` : '')),
  ];
  return counts.filter(text => text !== '').join(', ');
}

const inPath = (path: string) => (path === '' ? '' : ` in ${path}`);
const label = ({ op, node, path }: DiffNode) => `${op} ${node}${inPath(path)}`;
const origin = ({ pass, from }: DiffNode) => (pass === undefined ? '' : `  (${pass}${from ? ` from ${from}` : ''})`);
const step = ({ what, before, after }: Change) => `${what} ${before ?? 'none'} → ${after ?? 'none'}`;

function nodeLists({ nodes }: Diff, mark: Marks): string[][] {
  return [
    nodes.removed.map(node => mark.removed(label(node))),
    nodes.added.map(node => mark.added(`${label(node)}${origin(node)}`)),
    nodes.changed.map(node => mark.changed(`${label(node)}: ${node.changes.map(step).join('; ')}${origin(node)}`)),
    nodes.renamed.map(({ path, before, after }) => mark.renamed(`${before} → ${after}${inPath(path)}`)),
  ];
}

function weightLists({ weights }: Diff, mark: Marks): string[][] {
  const short = (x: number) => (x === 0 ? '0' : x.toPrecision(3));
  return [
    weights.removed.map(({ name, type, path }) => mark.removed(`${name} ${type}${inPath(path)}`)),
    weights.added.map(({ name, type, path }) => mark.added(`${name} ${type}${inPath(path)}`)),
    weights.changed.map(({ name, type, path, typeAfter, maxAbs, relative }) => {
      const types = typeAfter === undefined ? type : `${type} → ${typeAfter}`;
      const delta =
        maxAbs === undefined ? '' : `: max |Δ| ${short(maxAbs)}${relative === undefined ? '' : `, relative ${short(relative)}`}`;
      return mark.changed(`${name} ${types}${inPath(path)}${delta}`);
    }),
    weights.renamed.map(({ path, before, after }) => mark.renamed(`${before} → ${after}${inPath(path)}`)),
  ];
}
