import { afterAll, describe, expect, test } from 'vitest';
import { matching } from '../mutations/globs.ts';
import { breakIn, Subject } from '../mutations/judge.ts';
import { kind } from '../mutations/kind.ts';
import { kinds } from '../mutations/kinds.ts';
import { builtIn } from '../mutations/networks.ts';
import { fold } from '../mutations/normalizations.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { cloneModel } from '../src/ir/clone.ts';
import { Runtime } from '../src/runtime/session.ts';
import { encode } from '../src/serde/model-file.ts';
import { verify } from '../src/verify/verify.ts';

const runtime = new Runtime();
afterAll(() => Promise.all([runtime.close(), closeFactRuntime()]));

const subjects = Object.entries(builtIn).map(([name, make]) => new Subject(name, make()));

/** Kinds that fewer than three of the networks have a place for: the others are in the corpus of `npm run mutations`. */
const rare: Readonly<Record<string, number>> = { 'relu-before-the-sum': 2 };

test('globs with commas between them, and inside', () => {
  const is = matching('fold-{pad,scale},drop-*,@(a,b)');
  expect(['fold-pad', 'fold-scale', 'drop-relu', 'fold-', 'fold-{pad', 'other'].map(is)).toEqual([true, true, true, false, false, false]);
});

describe('a broken rewrite is not called the same', () => {
  test.each(kinds)('$name', async broken => {
    const wrong: string[] = [];
    let caught = 0;
    for (const subject of subjects) {
      if (caught === 3) break;
      const mutants = await breakIn(subject, broken, { runtime, sites: 1 });
      if (mutants.some(m => m.fate.startsWith('caught') || m.fate === 'refused')) caught++;
      wrong.push(...mutants.filter(m => m.fate === 'escaped').map(m => `${m.network}, ${m.where}: ${m.summary}`));
    }
    expect(wrong).toEqual([]);
    expect(caught).toBe(rare[broken.name] ?? 3);
  });
});

/** The same surgery with nothing wrong in it: what is caught above is the mistake. */
const right = kind('fold-right', 'plain', 'BatchNormalization', (node, model) => fold(node, model, n => n));

test.each(subjects.filter(({ name }) => name !== 'squeezenet'))(
  '$name: a right fold of the same kind is called the same',
  async subject => {
    const { model, bytes } = (await subject.form('plain'))!;
    const copy = cloneModel(model);
    for (let site = right.sites(copy)[0]; site; site = right.sites(copy)[0]) site.apply();
    expect([...copy.graph.nodes()].length).toBeLessThan([...model.graph.nodes()].length);
    const verdict = await verify({ bytes }, { bytes: encode(copy) }, { runtime, optimizations: ['disabled'], layers: true });
    expect([verdict.status, verdict.reasons]).toEqual(['same', []]);
  },
);
