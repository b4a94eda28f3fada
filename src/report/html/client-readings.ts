/** What the layer under the pointer is: its row of the table, in words under the chart. */
export function readings(): void {
  for (const part of document.querySelectorAll<HTMLElement>('.layers')) {
    const svg = part.querySelector<SVGSVGElement>('.chart svg');
    const chart = part.querySelector<HTMLElement>('.chart');
    const reading = part.querySelector<HTMLElement>('.reading');
    const rows = part.querySelectorAll<HTMLTableRowElement>('tbody tr');
    const { left, right, top, bottom } = chart?.dataset ?? {};
    if (!svg || !reading || rows.length === 0 || left === undefined) continue;
    const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    cursor.setAttribute('class', 'cursor');
    const [from, to] = [Number(left), Number(right)];
    const last = Math.max(1, rows.length - 1);
    svg.addEventListener('pointermove', event => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const i = Math.min(rows.length - 1, Math.max(0, Math.round(((x - from) / (to - from)) * last)));
      const at = String(from + (i / last) * (to - from));
      for (const [name, value] of Object.entries({ x1: at, x2: at, y1: top ?? '0', y2: bottom ?? '0' })) cursor.setAttribute(name, value);
      svg.append(cursor);
      const text = [...rows[i]!.cells].map(cell => cell.textContent ?? '');
      const [number, value, node, result, local, allowed, , together] = text;
      reading.textContent = `${number}. ${node}: ${value}: ${result}; local ${local} (allowed ${allowed}), together ${together}`;
    });
    svg.addEventListener('pointerleave', () => {
      cursor.remove();
      reading.textContent = '';
    });
  }
}
