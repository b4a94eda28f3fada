import { createHash } from 'node:crypto';
import type { ComponentChildren } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { client } from './client.generated.ts';
import { style } from './style.ts';
import { graphStyle } from './style-graph.ts';

/**
 * A whole page in one file: no script, style, font or image from elsewhere, and a policy that lets the browser load none. What `body`
 * says is readable without JavaScript; the script adds the switch between light and dark, values under the pointer, and graphs that open.
 *
 *     page('Latency', <Section title="cpu"><DistributionCharts … /></Section>)
 */
export function page(title: string, body: ComponentChildren): string {
  const hash = createHash('sha256').update(client).digest('base64');
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ];
  const html = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content={policy.join('; ')} />
        <meta name="generator" content="onnx-funnel" />
        <link rel="icon" href="data:," />
        <title>{title}</title>
        <Raw tag="style" html={style + graphStyle} />
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="bar">
          <span class="brand">onnx-funnel</span>
          <button type="button" class="quiet" id="theme" hidden>
            Theme
          </button>
        </header>
        <main id="content">{body}</main>
        <svg class="definitions" width="0" height="0" aria-hidden="true">
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">
            <path d="M0 0.5 L8 4 L0 7.5 z" />
          </marker>
        </svg>
        <Raw tag="script" html={client} />
      </body>
    </html>,
  );
  return `<!doctype html>\n${html}\n`;
}

/** Text that is the page's own, and written as it is. */
function Raw({ tag: Tag, html }: { readonly tag: 'style' | 'script'; readonly html: string }) {
  return <Tag dangerouslySetInnerHTML={{ __html: html }} />;
}

/** A part of the page under a heading. */
export function Section({ title, note, children }: { title: string; note?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section>
      <h3>{title}</h3>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  );
}
