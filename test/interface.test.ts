import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Network, networks } from '../fixtures/networks/networks.ts';
import { type PassOptions, passes, pipelines } from '../passes/index.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { type Change, diff } from '../src/inspect/diff.ts';
import { interfaceDiff } from '../src/inspect/diff-interface.ts';
import type { Model } from '../src/ir/model.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';

const root = join(import.meta.dirname, '..');
afterAll(closeFactRuntime);

/** Every pass but the one whose point it is to take inputs away. */
const every = Object.keys(passes).filter(name => name !== 'freeze-initializers');
const exact = every.filter(name => passes[name]!().effect === 'exact');

/** What became of the interface after each pass that fired, one after the other. */
async function brokenBy(model: Model, names: readonly string[], options: PassOptions = {}): Promise<Record<string, readonly Change[]>> {
  const broken: Record<string, readonly Change[]> = {};
  const made = names.map(name => passes[name]!(options));
  const after = await rewrite(model, made, {
    onFired: async (pass, now) => {
      const changes = interfaceDiff(model, now);
      if (changes.length > 0) broken[pass.name] ??= changes;
    },
  });
  expect(diff(model, after.model).interface).toEqual(Object.values(broken).at(-1) ?? []);
  return broken;
}

const folder = join(root, 'fixtures/passes');
const cases = readdirSync(folder).flatMap(pass =>
  readdirSync(join(folder, pass))
    .filter(file => file.endsWith('.onnxtxt') && !file.endsWith('.after.onnxtxt'))
    .map(file => ({ pass, name: file.replace('.onnxtxt', ''), text: readFileSync(join(folder, pass, file), 'utf8') })),
);

describe('inputs and outputs stay as they were: names, order, types', () => {
  test.each(cases)('$pass: $name', async ({ pass, text }) => {
    const options = JSON.parse(text.match(/^# options: (.+)$/m)?.[1] ?? '{}') as PassOptions;
    const lists = [every.includes(pass) ? [pass] : [], exact, ...Object.values(pipelines)];
    for (const names of lists) expect(await brokenBy(parse(text), names, options)).toEqual({});
  });

  test.each(Object.keys(networks))('%s', async name => {
    const model = parse(networks[name as Network]());
    for (const names of [exact, pipelines.convert!, pipelines.deploy!]) expect(await brokenBy(model, names)).toEqual({});
  });
});
