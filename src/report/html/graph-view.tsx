import type { Drawn, DrawnNode, DrawnPair } from './drawn.ts';
import type { Folded, Item } from './graph-fold.ts';
import { boxHeight, boxWidth, type Placed } from './graph-layout.ts';

export type Side = 'a' | 'b';

export interface Selection {
  readonly side: Side;
  readonly node: number;
}

export interface PaneProps {
  readonly side: Side;
  readonly graph: Drawn;
  readonly folded: Folded;
  readonly placed: Placed;
  readonly zoom?: number;
  readonly selected?: Selection | undefined;
  readonly onOpen?: (nodes: readonly number[]) => void;
  readonly onSelect?: (node: number) => void;
}

/** One graph. Drawn on the server, and again in the browser, where boxes open and can be asked. */
export function Pane({ side, graph, folded, placed, zoom = 1, selected, onOpen, onSelect }: PaneProps) {
  const { width, height } = placed;
  const chosen = (i: number) =>
    selected !== undefined && (selected.side === side ? selected.node === i : graph.nodes[i]!.twin === selected.node);
  return (
    <div class="pane">
      <h4>{graph.title}</h4>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="canvas" tabIndex={0} aria-label={`Graph of ${graph.title}`} data-side={side}>
        {/* biome-ignore lint/a11y/noSvgWithoutTitle: every box in it has one */}
        <svg width={Math.round(width * zoom)} height={Math.round(height * zoom)} viewBox={`0 0 ${width} ${height}`}>
          <g class="edges">
            {placed.paths.map((path, i) => (
              <path key={i} d={path} marker-end="url(#arrow)" />
            ))}
          </g>
          {folded.items.map((item, i) =>
            item.folded ? (
              <Stretch key={item.key} item={item} at={placed.boxes[i]!} graph={graph} onOpen={onOpen} />
            ) : (
              <Box
                key={item.key}
                node={graph.nodes[item.nodes[0]!]!}
                place={item.nodes[0]!}
                at={placed.boxes[i]!}
                chosen={chosen(item.nodes[0]!)}
                onSelect={onSelect}
              />
            ),
          )}
        </svg>
      </section>
    </div>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const corner = ({ x, y }: Point) => `translate(${x - boxWidth / 2} ${y - boxHeight / 2})`;

/** Each state has a sign, and a word in its title. */
const signs: Readonly<Record<DrawnNode['status'], string>> = { same: '', changed: '~', added: '+', removed: '−' };

const stateOf = ({ status, guilty }: DrawnNode) => (guilty ? 'guilty' : status);

function Box(props: { node: DrawnNode; place: number; at: Point; chosen: boolean; onSelect?: ((node: number) => void) | undefined }) {
  const { node, place, at, chosen, onSelect } = props;
  const { kind, op, name } = node;
  const title = [kind === 'node' ? `${op} ${name}: ${stateOf(node)}` : `${kind} ${name}`, ...node.facts].join('\n');
  const select = onSelect && (() => onSelect(place));
  return (
    <g class={`box ${kind} ${stateOf(node)}${chosen ? ' chosen' : ''}`} transform={corner(at)} data-node={place} {...pressed(select)}>
      <title>{title}</title>
      <rect width={boxWidth} height={boxHeight} rx={kind === 'node' ? 6 : boxHeight / 2} />
      <text x="12" y="17">
        {node.guilty ? '✗ ' : signs[node.status] && `${signs[node.status]} `}
        {shorten(op, 24)}
      </text>
      <text x="12" y="32" class="name">
        {shorten(name, 26)}
      </text>
    </g>
  );
}

function Stretch(props: { item: Item; at: Point; graph: Drawn; onOpen?: ((nodes: readonly number[]) => void) | undefined }) {
  const { item, at, graph, onOpen } = props;
  const changed = item.nodes.filter(i => graph.nodes[i]!.status !== 'same').length;
  const label = `… ${item.nodes.length} nodes${changed > 0 ? `, ${changed} changed` : ''}`;
  return (
    <g class="box folded" transform={corner(at)} {...pressed(onOpen && (() => onOpen(item.nodes)))}>
      <title>{`${label}: open`}</title>
      <rect width={boxWidth} height={boxHeight} rx="6" />
      <text x={boxWidth / 2} y="24" text-anchor="middle">
        {label}
      </text>
    </g>
  );
}

/** What makes a drawing a button. */
function pressed(action: (() => void) | undefined) {
  if (!action) return {};
  const onKeyDown = (event: { readonly key: string; preventDefault(): void }) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    action();
  };
  return { role: 'button' as const, tabindex: 0, onClick: action, onKeyDown };
}

/** The end of a name tells more than its middle. */
const shorten = (text: string, most: number) => (text.length <= most ? text : `${text.slice(0, most / 2 - 1)}…${text.slice(-most / 2)}`);

/** What there is to say of the chosen node, on both sides. */
export function Details({ pair, selected }: { readonly pair: DrawnPair; readonly selected: Selection | undefined }) {
  const node = selected && pair[selected.side].nodes[selected.node];
  if (!node) return <p class="reading dim">Choose a node to see what is known of it.</p>;
  const other = node.twin === undefined ? undefined : pair[selected.side === 'a' ? 'b' : 'a'].nodes[node.twin];
  const [inA, inB] = selected.side === 'a' ? [node, other] : [other, node];
  return (
    <div class="panes details" aria-live="polite">
      <Facts title="In A" of={inA} />
      <Facts title="In B" of={inB} />
    </div>
  );
}

function Facts({ title, of }: { readonly title: string; readonly of: DrawnNode | undefined }) {
  return (
    <div class="pane">
      <h4>{title}</h4>
      {of ? (
        <ul>
          <li>
            <strong>{of.op}</strong> <code>{of.name}</code>, {stateOf(of)}
          </li>
          {of.facts.map((fact, i) => (
            <li key={i}>{fact}</li>
          ))}
        </ul>
      ) : (
        <p class="dim">is not there</p>
      )}
    </div>
  );
}
