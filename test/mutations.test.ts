import { afterAll, describe, expect, test } from 'vitest';
import { bisect } from '../mutations/bisect.ts';
import { matching } from '../mutations/globs.ts';
import { breakIn, type Mutant, Subject } from '../mutations/judge.ts';
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

/** One of each sort: an operator, a weight, an attribute, a fold, a connection, what shows layer by layer alone. */
const sorts = ['activation-dropped', 'layer-in-int8', 'funnel-padding', 'fold-mean-lost', 'sum-is-maximum', 'fold-epsilon-too-large'];

test.each(kinds.filter(({ name }) => sorts.includes(name)))('$name: the node that was broken is named, and fails alone', async broken => {
  const found: unknown[] = [];
  const onMutant = async (mutant: Mutant, a: Uint8Array, b: Uint8Array) => {
    const { grade, reproduction } = await bisect(runtime, mutant, a, b, { optimizations: ['disabled'], kinds: ['normal'] });
    found.push([grade, reproduction]);
  };
  await breakIn(subjects.find(({ name }) => name === 'resnet')!, broken, { runtime, sites: 1, onMutant });
  expect(found).toEqual([['exact', 'reproduced']]);
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
