import { expect, test } from 'vitest';
import { fuzz } from '../fuzz/fuzz.ts';
import { makeNetwork } from '../fuzz/network.ts';
import type { Recipe } from '../fuzz/recipes.ts';
import { Tally } from '../fuzz/tally.ts';
import { problemsOf } from '../src/ir/check.ts';
import { pass } from '../src/rewrite/pass.ts';
import { any, constant, optional, p, rule } from '../src/rewrite/rules.ts';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';

test('a seed decides the network, to the byte, and it is a valid one', () => {
  const networks = Array.from({ length: 40 }, (_, i) => makeNetwork(`7-${i}`));
  expect(networks.flatMap(problemsOf)).toEqual([]);
  for (const [i, network] of networks.entries()) expect(encode(makeNetwork(`7-${i}`))).toEqual(encode(network));
  expect(new Set(networks.map(network => print(network))).size).toBe(40);
  for (const network of networks) expect(print(parse(print(network)))).toBe(print(network));
});

/** Folds BatchNormalization into a Conv, but for the bias that the Conv has already. */
const losesBias = pass(
  'loses-bias',
  'exact',
  rule({
    match: p.BatchNormalization(
      p.Conv(any('x'), constant('w'), optional(constant('b'))).as('conv'),
      constant('scale'),
      constant('bias'),
      constant('mean'),
      constant('variance'),
    ),
    rewrite({ x, w, scale, bias, mean, variance, conv }, op) {
      const k = scale.div(variance.add(1e-5).sqrt());
      return op.Conv(x, w.mul(k.along(0, w.rank)), bias.sub(mean.mul(k)), conv.attrs);
    },
  }),
);

test('a pass that loses a bias is found, and shrunk to what it goes wrong on', async () => {
  const recipe: Recipe = { name: 'broken', before: [], passes: ['fold-constants', 'own', 'drop-unused'], options: {}, own: losesBias };
  const tally = new Tally();
  const found: string[] = [];
  await fuzz({
    seed: '1',
    tally,
    recipes: () => [recipe],
    goesOn: started => started < 150 && found.length === 0,
    onFailure: (_, text) => found.push(text),
  });
  expect(tally.failures).toBeGreaterThan(0);
  const [text] = found as [string];
  expect(text).toMatch(/^# npm run fuzz -- --seed 1 --only \d+\n# broken: own\n# options: \{\}\n# values: output /);
  const operators = [...parse(text).graph.nodes()].map(node => node.op.name);
  expect(operators).toEqual(['Conv', 'BatchNormalization']);
});
