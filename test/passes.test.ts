import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type PassOptions, passes } from '../passes/index.ts';
import { readPassDocs } from '../src/codegen/pass-docs.ts';
import { closeFactRuntime } from '../src/infer/runtime.ts';
import { rewrite } from '../src/rewrite/pipeline.ts';
import { parse } from '../src/text/parse.ts';
import { print } from '../src/text/print.ts';
import { closeRuntime, compare } from './support/equivalence.ts';

const root = join(import.meta.dirname, '..');
afterAll(() => Promise.all([closeFactRuntime(), closeRuntime()]));

/** Explicit choices: freeze-initializers takes inputs away, force-eval computes something else. */
const choices = new Set(['force-eval', 'freeze-initializers']);

/** The one spelling of a text. */
const canonical = (text: string) => print(parse(text));

describe.each(readPassDocs(root))('$name: its doc comment', ({ name, before, after }) => {
  const pass = passes[name]!();

  test('before becomes after, and a second run changes nothing', async () => {
    const { model, report } = await rewrite(parse(before), [pass], { check: true });
    expect(report[0]!.fired.length).toBeGreaterThan(0);
    expect(print(model)).toBe(canonical(after));
    const again = await rewrite(model, [pass], { check: true });
    expect(again.report[0]!.fired).toEqual([]);
    expect(again.model).toBe(model);
  });

  test('computes the same on ONNX Runtime', async () => {
    const verdict = await compare(parse(before), (await rewrite(parse(before), [pass])).model);
    if (choices.has(name)) return;
    expect(verdict.reasons).toEqual([]);
    expect(verdict.same).toBe(true);
  });
});

/**
 * Comments of a case: pass options (`# options: {...}`), the reason codes of its refusals (`# refused: E_…`, or `-` for a case that
 * does nothing in silence), what the first of these tells a person (`# detail: …`, a part of it), and why ONNX Runtime can't judge it (`# no runtime: …`).
 */
function directives(text: string): { options: PassOptions; refused: string[]; detail: string } {
  const line = (key: string) => text.match(new RegExp(`^# ${key}: (.+)$`, 'm'))?.[1];
  return {
    options: JSON.parse(line('options') ?? '{}') as PassOptions,
    refused:
      line('refused')
        ?.split(/[,\s]+/)
        .filter(code => code !== '-') ?? [],
    detail: line('detail') ?? '',
  };
}

const fixtures = join(root, 'fixtures/passes');
const cases = readdirSync(fixtures).flatMap(pass =>
  readdirSync(join(fixtures, pass))
    .filter(file => file.endsWith('.onnxtxt') && !file.endsWith('.after.onnxtxt'))
    .map(file => ({ pass, name: file.replace('.onnxtxt', ''), path: join(fixtures, pass, file) })),
);

describe.each(cases)('$pass: $name', ({ pass: passName, path }) => {
  const text = readFileSync(path, 'utf8');
  const { options, refused, detail } = directives(text);
  const pass = passes[passName]!(options);
  const run = () => rewrite(parse(text), [pass], { check: true });

  test('gives the blessed graph, or its reason', async () => {
    const { model, report } = await run();
    expect([...new Set(report[0]!.refused.map(r => r.code))].sort()).toEqual(refused.sort());
    expect(report[0]!.refused[0]?.detail ?? '').toContain(detail);
    if (report[0]!.fired.length === 0) {
      expect(existsSync(path.replace('.onnxtxt', '.after.onnxtxt')), 'a case that does not fire has no blessed graph').toBe(false);
      expect(text, 'a case that does not fire says so').toMatch(/^# refused: /m);
    } else await expect(print(model)).toMatchFileSnapshot(path.replace('.onnxtxt', '.after.onnxtxt'));
  });

  test.skipIf(options.init === 'gaussian' || text.includes('# no runtime: '))('computes the same on ONNX Runtime', async () => {
    const { model, report } = await run();
    if (report[0]!.fired.length === 0 || choices.has(passName)) return;
    const verdict = await compare(parse(text), model);
    expect(verdict.reasons).toEqual([]);
    expect(verdict.same).toBe(true);
  });
});
