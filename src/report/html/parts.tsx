import type { ComponentChildren } from 'preact';
import type { Status } from '../../verify/verdict.ts';
import { clip } from '../format.ts';

/** A name from a file, whatever it is made of. */
export function Name({ children }: { readonly children: string }) {
  return <code>{clip(children)}</code>;
}

/** A sentence that may hold names from a file. */
export function Words({ children }: { readonly children: string }) {
  return <>{clip(children, 600)}</>;
}

/** Not by colour alone: each status has a sign of its own. */
const signs: Readonly<Record<Status, string>> = { same: '✓', different: '✗', inconclusive: '?', unavailable: '–', invalid: '!' };

export function Sign({ status }: { readonly status: Status }) {
  return (
    <span class={`sign ${status}`} aria-hidden="true">
      {signs[status]}
    </span>
  );
}

export function StatusWord({ status, children }: { readonly status: Status; readonly children?: ComponentChildren }) {
  return (
    <span class={`status ${status}`}>
      <Sign status={status} /> {children ?? status}
    </span>
  );
}

/** A table that scrolls sideways where the page is narrow. The first `texts` columns are words, the others numbers. */
export function DataTable(props: {
  readonly caption: string;
  readonly head: readonly string[];
  readonly texts: number;
  readonly rows: readonly (readonly ComponentChildren[])[];
  readonly class?: string;
}) {
  const { caption, head, texts, rows } = props;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table class={`t${texts}${props.class ? ` ${props.class}` : ''}`}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {head.map(title => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, i) => (
            <tr key={i}>
              {cells.map((cell, j) => (
                <td key={j}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
