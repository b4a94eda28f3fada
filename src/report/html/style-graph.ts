/** The look of graphs. */
export const graphStyle = `
.tools { display: flex; flex-wrap: wrap; gap: 8px 20px; margin: 0 0 12px; }
.tools [role=group] { display: inline-flex; }
.tools button { border-radius: 0; margin-left: -1px; }
.tools button:first-child { border-radius: 6px 0 0 6px; margin-left: 0; }
.tools button:last-child { border-radius: 0 6px 6px 0; }
.tools button[aria-pressed=true] { z-index: 1; }
.panes { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; }
.pane { min-width: 0; }
.pane h4 { overflow-wrap: anywhere; }
.canvas { height: min(620px, 76vh); overflow: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); display: flex; }
.canvas svg { flex: none; margin: auto; font-family: var(--sans); }
.edges path { fill: none; stroke: var(--line-strong); stroke-width: 1.2; }
.box rect { fill: var(--card); stroke: var(--line-strong); }
.box text { font-size: 12px; font-weight: 600; fill: var(--ink); }
.box .name { font: 10.5px var(--mono); fill: var(--soft); }
.box.input rect, .box.output rect { fill: var(--accent-tint); stroke: var(--accent); }
.box.changed rect { fill: var(--warn-tint); stroke: var(--warn); }
.box.added rect { fill: var(--good-tint); stroke: var(--good); }
.box.removed rect { fill: var(--bad-tint); stroke: var(--bad); stroke-dasharray: 4 3; }
.box.guilty rect { fill: var(--bad); stroke: var(--bad); }
.box.guilty text, .box.guilty .name { fill: var(--paper); }
.box.folded rect { fill: var(--paper); stroke-dasharray: 1 3; stroke-linecap: round; }
.box.folded text { fill: var(--accent); font-weight: 550; }
.box.chosen rect { stroke: var(--accent); stroke-width: 3; stroke-dasharray: none; }
.box[role=button] { cursor: pointer; }
.box[role=button]:hover rect { stroke-width: 2; }
.box:focus-visible { outline: none; }
.box:focus-visible rect { stroke: var(--accent); stroke-width: 3; }
.details { margin-top: 14px; font-size: 13.5px; }
.details ul { list-style: none; margin: 0; padding: 0; overflow-wrap: anywhere; }
.details h4 { margin: 0 0 2px; color: var(--soft); font-size: 12.5px; }
.details li + li { margin-top: 2px; }
@media (max-width: 640px) {
  .panes { grid-template-columns: 1fr; }
  .canvas { height: 52vh; }
}
@media print {
  .canvas { height: auto; overflow: visible; }
  .canvas svg { max-width: 100%; height: auto; }
  .tools { display: none; }
}
`;
