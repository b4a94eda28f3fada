import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DrawnPair } from './drawn.ts';
import { fold, open, type View } from './graph-fold.ts';
import { place } from './graph-layout.ts';
import { Details, Pane, type Selection, type Side } from './graph-view.tsx';

const contexts: readonly (readonly [label: string, context: number | undefined])[] = [
  ['Changes', 0],
  ['± 2', 2],
  ['± 5', 5],
  ['All', undefined],
];
const titleOf = (context: number | undefined) =>
  context === undefined ? 'all nodes' : context === 0 ? 'what changed' : `what changed, and ${context} nodes around it`;
const closed: View['opened'] = { a: new Set(), b: new Set() };

/** Two graphs side by side. `live` in the browser: without it, it is a picture. */
export function Explorer({ pair, live = false }: { readonly pair: DrawnPair; readonly live?: boolean }) {
  const [view, setView] = useState<View>({ context: 2, opened: closed });
  const [selected, select] = useState<Selection>();
  const [zoom, setZoom] = useState(1);
  const root = useRef<HTMLDivElement>(null);
  const folded = useMemo(() => fold(pair, view), [pair, view]);
  const placed = useMemo(() => ({ a: place(folded.a), b: place(folded.b) }), [folded]);
  useLayoutEffect(() => {
    for (const canvas of root.current?.querySelectorAll('.canvas') ?? [])
      centre(canvas, canvas.querySelector('.guilty') ?? canvas.querySelector('.added, .removed, .changed') ?? canvas.querySelector('.box'));
  }, [view.context]);
  useLayoutEffect(() => {
    for (const canvas of root.current?.querySelectorAll<HTMLElement>('.canvas') ?? [])
      if (canvas.dataset.side !== selected?.side) centre(canvas, canvas.querySelector('.chosen'));
  }, [selected]);
  const pane = (side: Side) => (
    <Pane
      side={side}
      graph={pair[side]}
      folded={folded[side]}
      placed={placed[side]}
      zoom={zoom}
      selected={selected}
      {...(live && {
        onOpen: (nodes: readonly number[]) => setView(open(pair, view, side, nodes)),
        onSelect: (node: number) => select({ side, node }),
      })}
    />
  );
  return (
    <div ref={root}>
      {live && (
        <div class="tools">
          {/* biome-ignore lint/a11y/useSemanticElements: a fieldset says no more */}
          <span role="group" aria-label="What is shown">
            {contexts.map(([label, context]) => (
              <button
                key={label}
                type="button"
                title={titleOf(context)}
                aria-pressed={view.context === context}
                onClick={() => setView({ context, opened: closed })}
              >
                {label}
              </button>
            ))}
          </span>
          {/* biome-ignore lint/a11y/useSemanticElements: a fieldset says no more */}
          <span role="group" aria-label="Zoom">
            <button type="button" aria-label="Smaller" onClick={() => setZoom(Math.max(0.2, zoom / 1.25))}>
              −
            </button>
            <button type="button" aria-label="Original size" onClick={() => setZoom(1)}>
              {Math.round(zoom * 100)} %
            </button>
            <button type="button" aria-label="Larger" onClick={() => setZoom(Math.min(3, zoom * 1.25))}>
              +
            </button>
          </span>
        </div>
      )}
      <div class="panes">
        {pane('a')}
        {pane('b')}
      </div>
      {live && <Details pair={pair} selected={selected} />}
    </div>
  );
}

/** Scrolls what is inside a canvas, and nothing else. */
function centre(canvas: Element, target: Element | null): void {
  if (!target) return;
  const [box, at] = [canvas.getBoundingClientRect(), target.getBoundingClientRect()];
  canvas.scrollTop += at.top + at.height / 2 - box.top - box.height / 2;
  canvas.scrollLeft += at.left + at.width / 2 - box.left - box.width / 2;
}
