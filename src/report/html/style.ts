/** The look of a page. Each colour is written once, for light and for dark; a script may set `data-theme`, print is always light. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#fcfcfb, #15171a);
  --card: light-dark(#ffffff, #1c1f23);
  --ink: light-dark(#1b1e23, #e7e9ec);
  --soft: light-dark(#5b626d, #a0a8b3);
  --line: light-dark(#e6e7e9, #2d3238);
  --line-strong: light-dark(#b4b9c0, #545c66);
  --accent: light-dark(#2f62b5, #7fa9ec);
  --good: light-dark(#1a7044, #5cc58c);
  --bad: light-dark(#b3261e, #ff8a80);
  --warn: light-dark(#8a5a00, #e3b341);
  --good-tint: light-dark(#edf7f1, #17281f);
  --bad-tint: light-dark(#fdf0ef, #331d1c);
  --warn-tint: light-dark(#fcf5e6, #2f2713);
  --accent-tint: light-dark(#eef3fb, #1b2635);
  --mono: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] { color-scheme: dark; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 var(--sans); }
main { overflow-wrap: break-word; max-width: 1160px; margin: 0 auto; padding: 8px 24px 96px; }
.bar { max-width: 1160px; margin: 0 auto; padding: 18px 24px; display: flex; justify-content: space-between; align-items: center; }
.brand { font-weight: 650; letter-spacing: -.01em; color: var(--soft); }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 16px; top: 12px; background: var(--card); padding: 6px 12px; z-index: 2; }
.definitions { position: absolute; }
.definitions path { fill: var(--line-strong); }
a { color: var(--accent); text-underline-offset: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
h1, h2, h3 { line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
h3 { font-size: 19px; font-weight: 620; margin: 0 0 4px; }
h4 { font-size: 14px; font-weight: 620; margin: 0 0 8px; }
section:not(.scroll, .canvas) { margin-top: 52px; }
code { font: .92em/1.4 var(--mono); overflow-wrap: anywhere; unicode-bidi: isolate; }
.note { color: var(--soft); margin: 0 0 14px; max-width: 86ch; text-wrap: pretty; }
.dim { color: var(--soft); }
.number, td { font-variant-numeric: tabular-nums; }
.code { font: 12px var(--mono); color: var(--soft); overflow-wrap: anywhere; }
.eyebrow { margin: 0 0 6px; font-size: 13px; font-weight: 600; color: var(--soft); letter-spacing: 0; overflow-wrap: anywhere; }

.verdict { background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--warn); border-radius: 10px; padding: 26px 30px 24px; }
.verdict.same { border-left-color: var(--good); }
.verdict.different, .verdict.invalid { border-left-color: var(--bad); }
.verdict h2, .headline { font-size: clamp(23px, 3.4vw, 32px); font-weight: 680; margin: 0; }
.verdict .scroll { margin-top: 18px; }
.verdict .why { font-size: 17px; margin: 10px 0 0; max-width: 80ch; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px 28px; margin: 22px 0 0; padding-top: 18px; border-top: 1px solid var(--line); }
.facts dt { font-size: 12.5px; color: var(--soft); }
.facts dd { margin: 1px 0 0; overflow-wrap: anywhere; }
.sign { display: inline-block; min-width: 1em; font-weight: 700; }
.sign.same, .status.same { color: var(--good); }
.sign.different, .sign.invalid, .status.different, .status.invalid { color: var(--bad); }
.sign.inconclusive, .sign.unavailable, .status.inconclusive, .status.unavailable { color: var(--warn); }
.status { font-weight: 600; }

.findings { list-style: none; margin: 8px 0 0; padding: 0; }
.findings li { display: flex; gap: 8px; padding: 9px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.findings li:first-child { border-top: 0; }
.findings strong { font-weight: 600; }

.scroll { position: relative; overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
caption { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
th, td { padding: 8px 14px; text-align: right; vertical-align: top; white-space: nowrap; }
th { font-weight: 550; font-size: 12.5px; color: var(--soft); border-bottom: 1px solid var(--line); }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.t1 :is(th, td):nth-child(-n+1), .t2 :is(th, td):nth-child(-n+2), .t3 :is(th, td):nth-child(-n+3), .t4 :is(th, td):nth-child(-n+4), .t5 :is(th, td):nth-child(-n+5) { text-align: left; }
.t3 td:nth-child(3), .t4 td:nth-child(4), .t5 td:nth-child(5) { white-space: normal; min-width: 16ch; }
td code { display: inline-block; width: max-content; max-width: 34ch; white-space: normal; }
.matrix th, .matrix td { text-align: left; white-space: normal; min-width: 150px; }
.matrix tbody th { color: var(--ink); font-size: 14px; border-bottom: 0; vertical-align: top; }
.matrix p { margin: 2px 0 0; overflow-wrap: anywhere; font-size: 13px; }
.hash { font: 12px var(--mono); color: var(--soft); white-space: nowrap; }
.names { margin: 6px 0; padding-left: 18px; max-height: 240px; overflow: auto; font-size: 13px; }
details > summary { cursor: pointer; color: var(--accent); width: fit-content; margin: 12px 0; }
.matrix details > summary { margin: 4px 0 0; font-size: 13px; }
.tall { max-height: 480px; overflow: auto; }
.tall th { position: sticky; top: 0; background: var(--card); }
.case { border-top: 1px solid var(--line); margin-top: 28px; }
.case > summary { color: var(--ink); font-size: 17px; margin: 16px 0; width: auto; }
.case[open] { padding-bottom: 40px; }

.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 24px; margin-top: 24px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 13px; font-weight: 550; overflow-wrap: anywhere; margin-bottom: 6px; }
figure > p { margin: 4px 0 0; font-size: 13px; }
.chart svg { display: block; max-width: 100%; height: auto; color: var(--soft); overflow: visible; font-family: var(--sans); font-variant-numeric: tabular-nums; }
.drift { overflow-x: auto; }
.drift svg { min-width: 960px; }
.distributions { display: grid; gap: 22px; }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; font-size: 13px; color: var(--soft); margin: 0 0 10px; padding: 0; list-style: none; }
.culprit { background: var(--bad-tint); border-radius: 8px; padding: 12px 16px; margin: 0 0 16px; overflow-wrap: anywhere; }
.culprit p { margin: 0; }
.culprit p + p { margin-top: 4px; font-size: 13.5px; }
.reading { min-height: 1.5em; margin: 4px 0 0; font-size: 13.5px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.cursor { stroke: var(--line-strong); }
.legend svg { vertical-align: middle; margin-right: 7px; }
button { font: 550 13px var(--sans); color: var(--ink); background: var(--card); border: 1px solid var(--line-strong); border-radius: 6px; padding: 5px 12px; cursor: pointer; min-height: 32px; }
button:hover { border-color: var(--accent); color: var(--accent); }
button[aria-pressed=true] { background: var(--accent-tint); border-color: var(--accent); color: var(--accent); }
button.quiet { border-color: transparent; background: none; color: var(--soft); }

@media (max-width: 640px) {
  main { padding: 0 14px 64px; }
  .bar { padding: 12px 14px; }
  .verdict { padding: 18px 16px; }
  .facts { grid-template-columns: 1fr 1fr; gap: 12px 16px; }
  section:not(.scroll, .canvas) { margin-top: 38px; }
  th, td { padding: 7px 10px; }
}
@media print {
  :root, :root[data-theme] { color-scheme: light; }
  body { font-size: 11pt; }
  button, .skip { display: none; }
  .scroll, .tall { overflow: visible; max-height: none; }
  table { font-size: 8.5pt; }
  th, td { padding: 3px 5px; white-space: normal; }
  .verdict, figure, tr { break-inside: avoid; }
  .drift svg { min-width: 0; }
  details:not([open]):not(.case) { display: none; }
}
`;
