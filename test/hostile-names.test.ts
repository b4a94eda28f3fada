import { mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { verify } from '../src/api.ts';
import { exitCodeOf, oneLine } from '../src/cli/failure.ts';
import { unknownName } from '../src/known-names.ts';
import { plain } from '../src/report/format.ts';
import { readReport } from '../src/report/schema.ts';
import { verdictText } from '../src/report/verdict-text.ts';
import { classify } from '../src/runtime/failure.ts';
import { writing } from '../src/runtime/protocol.ts';
import { parse } from '../src/text/parse.ts';
import { reportOf } from '../src/verify/report.ts';

const folder = mkdtempSync(join(tmpdir(), 'funnel-hostile-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const named = (name: string, factor: number) =>
  parse(`<ir_version: 8, opset_import: ["" : 17]>
g (float[3] x) => (float[3] ${name}) <float k = {${factor}.0}> { ${name} = Mul (x, k) }`);

describe('names that others chose', () => {
  test('are compared whatever they mean to JavaScript', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const verdict = await verify(named(name, 1), named(name, 2), { kinds: ['normal'] });
      expect(verdict.status).toBe('different');
      expect(verdict.reasons[0]).toMatchObject({ code: 'output-values', where: `cpu disabled, output '${name}'` });
      expect((await verify(named(name, 1), named(name, 1), { kinds: ['normal'] })).status).toBe('same');
    }
  });

  test('are cut where they are too long for a line', async () => {
    const name = 'x'.repeat(200_000);
    const text = verdictText(await verify(named(name, 1), named(name, 2), { kinds: ['normal'] }));
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThan(2500);
    expect(oneLine(`${name} is missing`)).toMatch(/^x+…x+ is missing$/);
    expect(oneLine(`a${' '.repeat(200_000)}b`).length).toBeLessThan(2500);
    expect(classify(`Load model from ${name} failed`).message.length).toBeLessThan(5000);
  });

  test('are told from known ones without trying all ways to spell them', () => {
    expect(unknownName('input', `${'a'.repeat(30)}z`, ['a'.repeat(150)]).message).toContain('unknown input');
    expect(unknownName('input', 'a'.repeat(1_000_000), ['a'.repeat(1_000_000)]).message).toContain('known: ');
    expect(
      unknownName(
        'input',
        'nothing like it',
        Array.from({ length: 1000 }, (_, i) => `${i}`),
      ).message,
    ).toContain('and 950 more');
    expect(unknownName('pass', 'foldbn', ['fold-batch-norm']).message).toContain("did you mean 'fold-batch-norm'?");
  });

  test('do not turn the direction of a line', () => {
    expect(plain('y\u202egnp.exe\u2066')).toBe('y?gnp.exe?');
  });
});

test('a file that is too large is called by its name, and not a model where none was to be', async () => {
  const file = openSync(at('huge.npy'), 'w');
  writeSync(file, '\x93NUMPY', 0, 'latin1');
  truncateSync(at('huge.npy'), 3 * 2 ** 30);
  await expect(verify(named('y', 1), named('y', 1), { data: [at('huge.npy')] })).rejects.toMatchObject({
    code: 'E_TOO_LARGE',
    message: `${at('huge.npy')} is larger than 2 GiB, which is more than can be read at once`,
  });
});

test('a model whose weights are cut off is invalid: no provider is missing', () => {
  const said = 'Deserialize tensor w External initializer: w offset: 0 size to read: 432 given file_length: 100 are out of bounds';
  expect(classify(said).category).toBe('load');
});

test('a verdict that contradicts itself is no report', async () => {
  const verdict = await verify(named('y', 1), named('y', 2), { kinds: ['normal'] });
  const text = JSON.stringify(reportOf([{ name: 'a', verdict: { ...verdict, same: true } }]));
  expect(() => readReport(text, 'r.json')).toThrow('the verdict on a contradicts itself: different, same: true');
});

test('memory, and room for temporary files, that is not there is no fault of the models', () => {
  const messages = ['Failed to allocate memory for requested buffer of size 274877906944', 'no room for temporary files in /tmp'];
  for (const message of messages) expect(exitCodeOf(classify(message))).toBe(3);
  const full = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  expect(() => writing(at('x'), full)).toThrow(/no room for temporary files in .*set TMPDIR/);
});
