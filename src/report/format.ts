/** A number of bytes for people: 46.8 MB. */
export function bytes(n: number): string {
  return n < 1000 ? `${n} B` : `${scaled(n)}B`;
}

/** A count for people: 25.6 M; exact below ten thousand. */
export function count(n: number): string {
  return n < 10_000 ? String(n) : scaled(n).trimEnd();
}

function scaled(n: number): string {
  const [factor, unit] =
    (
      [
        [1e12, 'T'],
        [1e9, 'G'],
        [1e6, 'M'],
      ] as const
    ).find(([least]) => n >= least * 0.9995) ?? ([1e3, 'k'] as const);
  return `${(n / factor).toPrecision(3).replace(/e\+3/, '')} ${unit}`;
}

/** `1 site`, `2 sites`. */
export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

/** How often each key occurs, most often first, then by name. */
export function tally(keys: Iterable<string>): [key: string, count: number][] {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** Nothing from a file moves a terminal's cursor, or turns the direction of what follows. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return text.replace(/[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '?');
}

/** A name from a file, its middle left out where it is very long. */
export function clip(text: string, longest = 120): string {
  return plain(text.length <= longest ? text : `${text.slice(0, longest / 2)}…${text.slice(-(longest / 2) + 1)}`);
}

/** A sentence with names from files in it. Those of real models are far from this long. */
export const sentence = (text: string): string => clip(text, 2000);
