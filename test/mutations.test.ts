import { afterAll, describe, expect, test } from 'vitest';
import { breakIn, Subject } from '../mutations/judge.ts';
import { kinds } from '../mutations/kinds.ts';
import { builtIn } from '../mutations/networks.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { Runtime } from '../src/runtime/session.ts';

const runtime = new Runtime();
afterAll(() => Promise.all([runtime.close(), closeFactRuntime()]));

const subjects = Object.entries(builtIn).map(([name, make]) => new Subject(name, make()));

/** Kinds that fewer than three of the networks have a place for: the others are in the corpus of `npm run mutations`. */
const rare: Readonly<Record<string, number>> = { 'relu-before-the-sum': 2 };

describe('a broken rewrite is not called the same', () => {
  test.each(kinds)('$name', async kind => {
    const wrong: string[] = [];
    let caught = 0;
    for (const subject of subjects) {
      if (caught === 3) break;
      const mutants = await breakIn(subject, kind, { runtime, sites: 1 });
      if (mutants.some(m => m.fate === 'caught' || m.fate === 'refused')) caught++;
      wrong.push(...mutants.filter(m => m.fate === 'escaped').map(m => `${m.network}, ${m.where}: ${m.summary}`));
    }
    expect(wrong).toEqual([]);
    if (!kind.subtle) expect(caught).toBe(rare[kind.name] ?? 3);
  });
});
