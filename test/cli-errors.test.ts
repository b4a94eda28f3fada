import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runFunnel, type Settings, twoAtATime } from './support/cli.ts';

/** The command line as a person meets it: a process with arguments, streams and an exit code. */
const root = join(import.meta.dirname, '..');
const resnet = join(root, 'fixtures/models/resnet-tiny.onnxtxt');
const funnel = (args: readonly string[], settings: Omit<Settings, 'cwd'> = {}) => runFunnel(args, { cwd: folder, ...settings });

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'funnel-cli-'));
  mkdirSync(at('folder'));
  writeFileSync(at('picture.onnx'), Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'));
  writeFileSync(at('empty.onnx'), '');
  writeFileSync(at('bad.onnxtxt'), 'g (float[1] x) => (float[1] y) {\n  y = Relu (z)\n}\n');
  const { code, stderr } = await funnel(['parse', resnet, '-o', 'model.onnx']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  writeFileSync(at('short.onnx'), readFileSync(at('model.onnx')));
  truncateSync(at('short.onnx'), 10_000);
  const site = { site: 'y', node: 'y', op: 'Relu', after: 'input', convert: true, why: 'chosen' };
  writeFileSync(at('other.json'), JSON.stringify({ schema: 'onnx-funnel/plan@1', options: {}, sites: [site] }));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('bad input is one line and exit code 2', () => {
  const cases: readonly (readonly [args: string, line: RegExp])[] = [
    ['', /^Usage: funnel/],
    ['fold missing.onnx -o x.onnx', /can't read missing\.onnx: there is no such file/],
    ['fold folder -o x.onnx', /can't read folder: it is a directory/],
    ['fold picture.onnx -o x.onnx', /picture\.onnx: .*PNG image/],
    ['inspect empty.onnx', /empty\.onnx: .*empty/],
    ['print short.onnx', /short\.onnx: .*ends early/],
    ['parse bad.onnxtxt -o x.onnx', /bad\.onnxtxt:2:\d+: .*z/],
    ['parse model.onnx -o x.onnx', /model\.onnx: .*binary/],
    ['verify missing.onnx model.onnx', /missing\.onnx: there is no such file/],
    ['verify model.onnx picture.onnx', /picture\.onnx: .*PNG image/],
    ['fold model.onnx', /add -o FILE/],
    ['fold model.onnx -o nowhere/x.onnx', /can't write nowhere\/x\.onnx: there is no folder nowhere/],
    ['fold model.onnx -o folder', /can't write folder: it is a directory/],
    ['rewrite model.onnx -o x.onnx', /--passes a,b,c or --pipeline/],
    [
      'rewrite model.onnx -o x.onnx --passes drop-identity,fold-batchnorm',
      /unknown pass 'fold-batchnorm'; did you mean 'fold-batch-norm'\?/,
    ],
    ['rewrite model.onnx -o x.onnx --passes foldbatchnorm', /unknown pass 'foldbatchnorm'; did you mean 'fold-batch-norm'\?/],
    ['rewrite model.onnx -o x.onnx --passes foldbn', /unknown pass 'foldbn'; did you mean 'fold-batch-norm'\?/],
    ['rewrite model.onnx -o x.onnx --check eachpass --passes drop-unused', /--check 'eachpass'; did you mean 'each-pass'\?/],
    ['rewrite model.onnx -o x.onnx --pipeline deplyo', /unknown pipeline 'deplyo'; did you mean 'deploy'\?/],
    ['rewrite model.onnx -o x.onnx --pipeline deploy --passes drop-unused', /cannot be used with/],
    ['verify model.onnx model.onnx --provider wegbpu', /unknown provider 'wegbpu'; did you mean 'webgpu'\?/],
    ['verify model.onnx model.onnx --shape 3', /--shape .*N=2/],
    ['verify model.onnx model.onnx --shape M=2', /unknown symbolic dimension 'M'; did you mean 'N'\?/],
    ['convert model.onnx -o x.onnx --form fusde', /--form 'fusde'; did you mean 'fused'\?/],
    ['convert model.onnx -o x.onnx --kernel 4', /kernel must be an odd size up to 63, not 4/],
    ['convert model.onnx -o x.onnx --kernle 3', /unknown option '--kernle'; did you mean --kernel\?/],
    ['convert model.onnx -o x.onnx --place papre', /--place 'papre'; did you mean 'paper'\?/],
    ['convert model.onnx -o x.onnx --max-macs 2%', /increase: '\+' and a number/],
    ['convert model.onnx -o x.onnx --max-macs +much', /like \+2%/],
    ['convert model.onnx -o x.onnx --stage x', /like 3, 2-4/],
    ['convert model.onnx -o x.onnx --only nothing*', /no activation's name matches 'nothing\*'; --plan lists them/],
    ['convert model.onnx --plan -o x.onnx', /--plan writes no model/],
    ['convert model.onnx --plan other.json -o other.json', /the model would take the place of other\.json/],
    ['convert model.onnx --stage 4-2 -o x.onnx', /begin with the smaller number/],
    ['convert model.onnx --plan --shape image:1x3', /shape 1x3 does not fit input 'image'/],
    ['convert model.onnx --plan missing.json -o x.onnx', /can't read missing\.json: there is no such file/],
    ['convert model.onnx --plan=model.onnx -o x.onnx', /model\.onnx: not JSON/],
    ['convert model.onnx --plan missing.json --kernel 5 -o x.onnx', /leave out --kernel/],
    [
      'convert model.onnx --plan other.json -o x.onnx',
      /other\.json: the plan is for another model: its activation y \(Relu\) is not there/,
    ],
    ['convert model.onnx -o x.onnx --weights empty.onnx', /empty\.onnx: .*empty/],
    ['conver model.onnx -o x.onnx', /unknown command 'conver'; did you mean convert\?/],
    ['fold model.onnx -o x.onnx --max-growth much', /number of bytes/],
    ['inspect model.onnx model.onnx', /too many arguments.*funnel inspect --help/],
    ['demo --out nowhere/demo', /can't make the folder nowhere\/demo: /],
    ['passes folds', /unknown pass 'folds'/],
    ['completion csh', /unknown shell 'csh'/],
  ];

  test('each of them', async () => {
    const results = await twoAtATime(cases, ([args]) => funnel(args.split(' ').filter(Boolean)));
    for (const [i, [args, line]] of cases.entries()) {
      const { code, stdout, stderr } = results[i]!;
      expect.soft({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect.soft(stderr, args).toMatch(line);
      if (args !== '') expect.soft(stderr, args).toMatch(/^funnel: [^\n]+\n$/);
    }
    expect(existsSync(at('x.onnx'))).toBe(false);
  });

  test.runIf(existsSync('/dev/full'))('a full disk', async () => {
    const { code, stderr } = await funnel(['fold', 'model.onnx', '-o', '/dev/full']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: "funnel: can't write /dev/full: the disk is full\n" });
  });
});
