import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';
import { runFunnel } from './support/cli.ts';

const tiny = readFileSync(join(import.meta.dirname, '../fixtures/models/resnet-tiny.onnxtxt'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'client-command-'));
writeFileSync(join(folder, 'resnet-tiny.onnx'), encode(parse(tiny), { inline: true }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('funnel client', () => {
  const funnel = (...args: string[]) => runFunnel(['client', ...args], { cwd: folder });
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text);

  test('writes a file that says how it was made, over one that was there', async () => {
    put('client.ts', 'old');
    const { code, stdout, stderr } = await funnel('resnet-tiny.onnx', '-o', 'client.ts', '--name', 'ResNet');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'resnet-tiny.onnx → client.ts\n', stderr: '' });
    const text = readFileSync(join(folder, 'client.ts'), 'utf8');
    expect(text).toMatch(/^\/\/ Do not edit\. Made by `funnel client resnet-tiny\.onnx -o client\.ts --name ResNet`\.\nimport /);
    expect(text).toContain('export class ResNet {');
    const again = await funnel('resnet-tiny.onnx', '-o', '-');
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect(again.stdout).toContain('export class ResnetTinyClient {');
  });

  test.each([
    [
      'sequence',
      'g (seq(float[N]) x) => (float y) { i = Constant <value = int64 {0}> () y = SequenceAt (x, i) }',
      "input 'x' is a sequence",
    ],
    ['bfloat16', 'g (bfloat16[N] x) => (float[N] y) { y = Cast <to = 1> (x) }', "input 'x' is of bfloat16"],
    [
      'unknown',
      '<ir_version: 8, opset_import: ["": 17, "other": 1]> g (float[N] x) => (y) { y = other.Op (x) }',
      "output 'y' has no known type",
    ],
  ])('what the runtime can not be fed with is refused: %s', async (name, text, message) => {
    put(`${name}.onnxtxt`, text.startsWith('<') ? text : `<ir_version: 8, opset_import: ["": 17]> ${text}`);
    const { code, stderr } = await funnel(`${name}.onnxtxt`, '-o', `${name}.ts`);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^funnel: [^\n]+\n$/);
    expect(stderr).toContain(`${name}.onnxtxt: ${message}`);
    expect(existsSync(join(folder, `${name}.ts`))).toBe(false);
  });

  test('what is no place or no name for a client is refused', async () => {
    const cases = [
      [[], 'add -o FILE.ts'],
      [['-o', 'out.onnx'], 'is the name of a model'],
      [['-o', 'out.js'], 'a name that ends in .ts'],
      [['-o', 'nowhere/client.ts'], 'there is no folder nowhere'],
      [['-o', 'x.ts', '--name', 'class'], "'class' can't be the name of a class"],
      [['-o', 'x.ts', '--name', 'Map'], "'Map' has a meaning"],
    ] as const;
    for (const [args, message] of cases) {
      const { code, stderr } = await funnel('resnet-tiny.onnx', ...args);
      expect([code, stderr.includes(message), stderr]).toEqual([2, true, stderr]);
    }
    expect(existsSync(join(folder, 'x.ts'))).toBe(false);
  });
});
