import { stripVTControlCharacters } from 'node:util';
import type { ChalkInstance } from 'chalk';
import stringWidth from 'string-width';
import { clip } from './format.ts';

/** Columns without lines between them: the first `texts` ones to the left, numbers to the right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  colors: ChalkInstance,
  texts = 1,
  indent = '  ',
): string {
  const lines = [head.map(title => colors.dim(title)), ...rows.map(cells => cells.map(fitted))];
  const widths = lines.map(line => line.map(width));
  // A library would do, but those that there are take minutes for ten thousand rows.
  const columns = head.map((_, i) => widths.reduce((most, w) => Math.max(most, w[i] ?? 0), 0));
  const pad = (cell: string, line: number, i: number) => {
    const space = ' '.repeat(columns[i]! - widths[line]![i]!);
    return i < texts ? cell + space : space + cell;
  };
  return lines.map((cells, line) => (indent + cells.map((cell, i) => pad(cell, line, i)).join('  ')).trimEnd()).join('\n');
}

/** Columns that the longest names of real models take. */
const LONGEST = 200;

/** Padding makes every line as long as the longest one. */
function fitted(cell: string): string {
  const text = cell.length > LONGEST ? stripVTControlCharacters(cell) : '';
  return text.length > LONGEST ? clip(text, LONGEST) : cell;
}

const ascii = /^[\x20-\x7e]*$/;

/** Columns of a terminal that a text takes. */
function width(cell: string): number {
  const text = stripVTControlCharacters(cell);
  return ascii.test(text) ? text.length : stringWidth(text);
}
