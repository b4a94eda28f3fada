import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';

/** Columns without lines between them: the first `texts` ones to the left, numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], colors: ChalkInstance, texts = 1): string {
  const result = new Table({
    head: head.map(title => colors.dim(title)),
    colAligns: head.map((_, i) => (i < texts ? 'left' : 'right')),
    // The table's own colours ignore NO_COLOR.
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '  ',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  });
  result.push(...rows.map(row => [...row]));
  return result.toString().replace(/ +$/gm, '');
}
