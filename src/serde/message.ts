import type { Message, MessageType } from './wire.ts';

/** Field values of a message; undefined stands for an absent field. */
type Fields<T> = { readonly [K in keyof T]?: T[K] | undefined };

/**
 * A message with these fields. Where nothing differs from `origin` it is `origin` itself; else its other fields, those that our schema
 * does not know among them, are carried over. A field that reads the same keeps its presence: absent and present-default stay apart.
 */
export function revise<T extends Message>(Type: MessageType<T>, origin: T | undefined, fields: Fields<T>): T {
  const defaults = Type.prototype as T;
  let next: Record<string, unknown> | undefined = origin ? undefined : (new Type() as Record<string, unknown>);
  for (const field of Object.keys(fields) as (keyof T & string)[]) {
    const value = fields[field];
    if (origin && same(origin[field], value ?? defaults[field])) continue;
    next ??= Object.assign(new Type(), origin) as Record<string, unknown>;
    if (value === undefined || value === null) delete next[field];
    else next[field] = value;
  }
  return (next as T | undefined) ?? origin!;
}

/** Whether the message itself has the field, be it with the default value. */
export function has<T extends Message>(message: T, field: keyof T): boolean {
  return Object.hasOwn(message, field);
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, i) => same(x, b[i]));
}

/** The last entry of a list under a key given by `keyOf`, and the list rebuilt from a map: entries that read the same stay the objects they were. */
export function reviseEntries<T extends Message>(
  old: readonly T[],
  keyOf: (entry: T) => string,
  wanted: ReadonlyMap<string, unknown>,
  make: (key: string, old: T | undefined) => T,
): readonly T[] {
  const byKey = new Map(old.map(entry => [keyOf(entry), entry]));
  const kept = old.filter(entry => wanted.has(keyOf(entry)) && byKey.get(keyOf(entry)) === entry);
  const added = [...wanted.keys()].filter(key => !byKey.has(key));
  const next = [...kept.map(entry => make(keyOf(entry), entry)), ...added.map(key => make(key, undefined))];
  const unchanged = added.length === 0 && byKey.size === wanted.size && kept.every((entry, i) => next[i] === entry);
  return unchanged ? old : next;
}
