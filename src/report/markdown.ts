import { toUSVString } from 'node:util';
import { plain, plural } from './format.ts';

/** Longer names and messages tell no more. */
const longest = 400;

/**
 * Text from a model as Markdown shows it, in tables and between HTML tags too: what means something becomes an entity, which never does. Nobody
 * is mentioned, and no control character stays.
 */
export function escaped(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return plain(toUSVString(short).replace(/\s+/g, ' '))
    .replace(/[&<>|`*[\]\\~$#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, c => `&#${c.charCodeAt(0)};`)
    .replaceAll('@', '&#64;<!-- -->');
}

/** A page that never grows beyond a size, and says what it leaves out. */
export class Page {
  readonly #limit: number;
  readonly #parts: string[] = [];
  #bytes = 0;

  /** @param limit in bytes of UTF-8; some are kept for the words that say what is missing */
  constructor(limit: number) {
    this.#limit = limit - 2_000;
  }

  /** Adds a block, where there is room. */
  add(block: string): boolean {
    if (this.#bytes + sizeOf(block) > this.#limit) return false;
    this.close(block);
    return true;
  }

  /** Adds a few words at the end, for which room was kept. */
  close(block: string): void {
    this.#parts.push(block);
    this.#bytes += sizeOf(block);
  }

  /** A table of at most so many rows as have room, and a line that counts the others. */
  table(head: readonly string[], rows: readonly (readonly string[])[], most: number): boolean {
    return rows.length === 0 || this.#rows('', head, rows, most, '');
  }

  /** The same, folded up under a title. */
  details(title: string, head: readonly string[], rows: readonly (readonly string[])[], most: number): boolean {
    return rows.length === 0 || this.#rows(`<details><summary>${title}</summary>\n\n`, head, rows, most, '\n</details>\n');
  }

  #rows(before: string, head: readonly string[], rows: readonly (readonly string[])[], most: number, after: string): boolean {
    const lines = [before + row(head), row(head.map(() => '---'))];
    let bytes = this.#bytes + sizeOf(lines.join('\n')) + sizeOf(after) + 100;
    let shown = 0;
    for (const cells of rows.slice(0, most)) {
      const line = row(cells);
      bytes += sizeOf(line) + 1;
      if (bytes > this.#limit) break;
      lines.push(line);
      shown++;
    }
    if (shown === 0) return false;
    const left = rows.length - shown;
    return this.add(`${lines.join('\n')}\n${left > 0 ? `\n${plural(left, 'more row')} left out.\n` : ''}${after}`);
  }

  toString(): string {
    return this.#parts.join('\n');
  }
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
/** With the line break that joins blocks. */
const sizeOf = (text: string) => Buffer.byteLength(text) + 1;
