import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runFunnel, type Settings } from './support/cli.ts';

/** The command line as a person meets it: a process with arguments, streams and an exit code. */
const root = join(import.meta.dirname, '..');
const resnet = join(root, 'fixtures/models/resnet-tiny.onnxtxt');
const funnel = (args: readonly string[], settings: Omit<Settings, 'cwd'> = {}) => runFunnel(args, { cwd: folder, ...settings });

let folder: string;
const at = (name: string) => join(folder, name);

/** Runs command lines two at a time. */
async function all<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = [...items.entries()];
  const worker = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) results[next[0]] = await run(next[1]);
  };
  await Promise.all([worker(), worker()]);
  return results;
}

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
    ['rewrite model.onnx -o x.onnx --passes foldbn', /unknown pass 'foldbn'; did you mean 'fold-batch-norm'\?/],
    ['rewrite model.onnx -o x.onnx --pipeline deplyo', /unknown pipeline 'deplyo'; did you mean 'deploy'\?/],
    ['rewrite model.onnx -o x.onnx --pipeline deploy --passes drop-unused', /cannot be used with/],
    ['verify model.onnx model.onnx --provider wegbpu', /unknown provider 'wegbpu'; did you mean 'webgpu'\?/],
    ['verify model.onnx model.onnx --shape 3', /--shape .*N=2/],
    ['verify model.onnx model.onnx --shape M=2', /no symbolic dimension 'M'; it has N/],
    ['convert model.onnx -o x.onnx --form fusde', /--form 'fusde'; did you mean 'fused'\?/],
    ['convert model.onnx -o x.onnx --kernel 4', /kernel must be an odd size up to 63, not 4/],
    ['convert model.onnx -o x.onnx --kernle 3', /unknown option '--kernle'; did you mean --kernel\?/],
    ['convert model.onnx -o x.onnx --place papre', /--place 'papre'; did you mean 'paper'\?/],
    ['convert model.onnx -o x.onnx --max-macs 2%', /increase: '\+' and a number/],
    ['convert model.onnx -o x.onnx --max-macs +much', /like \+2%/],
    ['convert model.onnx -o x.onnx --stage x', /like 3, 2-4/],
    ['convert model.onnx -o x.onnx --only nothing*', /no activation's name matches 'nothing\*'; --plan lists them/],
    ['convert model.onnx --plan -o x.onnx', /--plan writes no model/],
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
    ['passes fold', /unknown pass 'fold'/],
    ['completion csh', /unknown shell 'csh'/],
  ];

  test('each of them', async () => {
    const results = await all(cases, ([args]) => funnel(args.split(' ').filter(Boolean)));
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

test('a provider that is not there is exit code 3', async () => {
  const env = { FUNNEL_SWIFTSHADER: '/nowhere.json' };
  const { code, stderr } = await funnel(['verify', 'model.onnx', 'model.onnx', '--provider', 'qnn'], { env });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^funnel: qnn: [^\n]+; [^\n]+\n$/);
});

describe('the main job', () => {
  test('convert, fold, verify', async () => {
    const converted = await funnel(['convert', 'model.onnx', '-o', 'frelu.onnx', '--check']);
    expect(converted).toMatchObject({ code: 0, stderr: '' });
    expect(converted.stdout).toContain('relu-to-frelu  13 × Relu');
    const folded = await funnel(['fold', 'frelu.onnx', '-o', 'deploy.onnx', '--json', '--check']);
    expect(folded).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(folded.stdout);
    expect(report).toMatchObject({
      schema: 'onnx-funnel/rewrite@1',
      command: 'fold',
      input: 'frelu.onnx',
      output: 'deploy.onnx',
      changed: true,
    });
    expect(report.passes.find((p: { pass: string }) => p.pass === 'fold-batch-norm')).toMatchObject({ firedCount: 15, refusedCount: {} });
    const [same, different] = await Promise.all([
      funnel(['verify', 'model.onnx', 'deploy.onnx', '--shape', 'N=1,3', '--json']),
      funnel(['verify', 'model.onnx', 'deploy.onnx', '--atol', '0', '--rtol', '0']),
    ]);
    expect({ code: same!.code, ...JSON.parse(same!.stdout) }).toMatchObject({ code: 0, schema: 'onnx-funnel/verdict@1', status: 'same' });
    expect(different).toMatchObject({ code: 1, stderr: '' });
    expect(different!.stdout).toMatch(/^different/);
  });

  test('a plan is shown, kept, and carried out', async () => {
    const shown = await funnel(['convert', 'model.onnx', '--place', 'partial', '--plan']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    expect(shown.stdout).toMatch(/^model\.onnx: 4 of 13 activations become FReLU\n[\s\S]*in all +\+\d+ parameters/);
    const kept = await funnel(['convert', '--place', 'partial', '--plan', 'model.onnx', '--json']);
    writeFileSync(at('plan.json'), kept.stdout);
    expect(JSON.parse(kept.stdout)).toMatchObject({ schema: 'onnx-funnel/plan@1', model: 'model.onnx' });
    const [planned, placed] = await all(
      [
        ['--plan', 'plan.json'],
        ['--place', 'partial'],
      ],
      args => funnel(['convert', ...args, 'model.onnx', '-o', `${args[1]}.onnx`]),
    );
    expect(planned!.stdout).toMatch(/relu-to-frelu +4 × Relu[\s\S]*left out \d+: /);
    expect(placed!.code).toBe(0);
    expect(readFileSync(at('plan.json.onnx'))).toEqual(readFileSync(at('partial.onnx')));
  });

  test('costs, form by form', async () => {
    const [text, json] = await all([['--explain'], ['--json', '--place', 'paper', '--kernel', '5']], args =>
      funnel(['cost', 'model.onnx', ...args]),
    );
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text!.stdout).toMatch(
      /^model\.onnx: 13 activations converted\n +form .*kernels\n +as it is [\s\S]*identity-conv[\s\S]*\n +site +C×H×W/,
    );
    expect(JSON.parse(json!.stdout)).toMatchObject({
      schema: 'onnx-funnel/cost@1',
      input: 'model.onnx',
      converted: 8,
      sites: { length: 8 },
    });
  });

  test('refusals are told, with what to do, and are no failure', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
g (float[1,1,4,4] x, float[1,1,1,1] w = {2}, float[1] s = {1}, float[1] b = {0}, float[1] m = {0}, float[1] v = {1}) => (float[1,1,4,4] y) {
  t = Conv (x, w)
  y = BatchNormalization (t, s, b, m, v)
}`;
    writeFileSync(at('overridable.onnxtxt'), text);
    const [refused, explained, frozen, some] = await all(
      ['', '--explain', '--freeze-initializers overridable.onnxtxt', '--freeze-initializers=[sbmv]'],
      async extra => {
        const args = extra.endsWith('.onnxtxt') ? extra.split(' ') : ['overridable.onnxtxt', ...extra.split(' ').filter(Boolean)];
        return funnel(['fold', ...args, '-o', `${extra.length}.onnx`]);
      },
    );
    expect(refused!.code).toBe(0);
    expect(refused!.stdout).toMatch(/refused 1 × E_OVERRIDABLE: .*--freeze-initializers/);
    expect(explained!.stdout).toMatch(/^ +y \(BatchNormalization\): /m);
    expect(frozen!.stdout).toMatch(/freeze-initializers +5 × initializer[\s\S]*fold-batch-norm +1 × BatchNormalization/);
    expect(some!.stdout).toMatch(/freeze-initializers +4 × initializer[\s\S]*refused 1 × E_OVERRIDABLE/);
  });

  test('the demo', async () => {
    const { code, stdout, stderr } = await funnel(['demo', '--out', 'demo'], {
      env: { FUNNEL_SWIFTSHADER: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/13 × Relu\n +same bits on cpu, as it is/);
    expect(stdout).toMatch(/15 × BatchNormalization\n +same on cpu, as it is, relative error \d\.\de-\d/);
    expect(readdirSync(at('demo')).sort()).toEqual(['deploy.onnx', 'frelu.onnx', 'relu.onnx']);
  });
});

describe('streams and files', () => {
  test('through pipes: the model on standard output, the report on standard error', async () => {
    const { code, bytes, stderr } = await funnel(['fold', '-', '-o', '-', '--json'], { stdin: at('model.onnx') });
    expect(code).toBe(0);
    expect(JSON.parse(stderr)).toMatchObject({ schema: 'onnx-funnel/rewrite@1', input: '-', output: '-' });
    await funnel(['fold', 'model.onnx', '-o', 'folded.onnx']);
    expect(bytes.equals(readFileSync(at('folded.onnx')))).toBe(true);
  });

  test('the output may be the input', async () => {
    writeFileSync(at('same.onnx'), readFileSync(at('model.onnx')));
    await funnel(['fold', 'same.onnx', '-o', 'same.onnx']);
    await funnel(['fold', 'model.onnx', '-o', 'other.onnx']);
    expect(readFileSync(at('same.onnx')).equals(readFileSync(at('other.onnx')))).toBe(true);
  });

  test('a reader that has read enough is no error', async () => {
    const { code, stderr } = await funnel(['print', 'model.onnx', '--full'], {
      onStart: child => child.stdout!.once('data', () => child.stdout!.destroy()),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('an interrupt ends with 130 and leaves nothing behind', async () => {
    const before = readdirSync(folder);
    const { code } = await funnel(['demo', '--out', 'interrupted'], {
      onStart: child => {
        const watch = setInterval(() => {
          if (!existsSync(at('interrupted/relu.onnx'))) return;
          clearInterval(watch);
          child.kill('SIGINT');
        }, 5);
        child.once('exit', () => clearInterval(watch));
      },
    });
    expect(code).toBe(130);
    expect(readdirSync(folder).filter(name => !before.includes(name))).toEqual(['interrupted']);
    expect(readdirSync(at('interrupted')).filter(name => !name.endsWith('.onnx'))).toEqual([]);
  });

  test('print and parse are each other’s way back', async () => {
    await funnel(['print', 'model.onnx', '--full', '-o', 'model.onnxtxt']);
    await funnel(['parse', 'model.onnxtxt', '-o', 'again.onnx']);
    const [once, twice] = await all(['model.onnx', 'again.onnx'], model => funnel(['print', model, '--full']));
    expect(once!.stdout).toContain('Conv <kernel_shape');
    expect(twice!.stdout).toBe(once!.stdout);
  });

  test('colours only where they are wanted', async () => {
    const sequence = '\u001b[';
    const [plain, forced, refused] = await all([{}, { FORCE_COLOR: '1' }, { NO_COLOR: '1' }], env => funnel(['passes'], { env }));
    expect([plain, forced, refused].map(result => result!.stdout.includes(sequence))).toEqual([false, true, false]);
  });
});

describe('what there is', () => {
  const commands = ['convert', 'fold', 'rewrite', 'verify', 'inspect', 'print', 'parse', 'passes', 'demo', 'completion'];

  test('every command has help with examples', async () => {
    const help = await all(commands, command => funnel([command, '--help']));
    for (const [i, { code, stdout, stderr }] of help.entries()) {
      expect.soft({ code, stderr }, commands[i]).toEqual({ code: 0, stderr: '' });
      expect.soft(stdout).toMatch(/--json[\s\S]*Examples:\n {2}\$ /);
    }
  });

  test('the version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await funnel(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('passes, listed and explained', async () => {
    const [list, one, json] = await all([['passes'], ['passes', 'fuse-frelu'], ['passes', 'deploy', '--json']], args => funnel(args));
    expect(list!.stdout).toMatch(/^Passes\n[\s\S]*relu-to-frelu +changes +\w[\s\S]*Pipelines\n[\s\S]*deploy +drop-unused, /);
    expect(one!.stdout).toMatch(/^fuse-frelu[\s\S]*Before\n[\s\S]*Max \(x, t\)[\s\S]*After\n[\s\S]*funnel\.FReLU/);
    expect(JSON.parse(json!.stdout)).toMatchObject({ schema: 'onnx-funnel/passes@1', pipelines: [{ name: 'deploy' }] });
  });

  test('inspect as JSON', async () => {
    const { stdout } = await funnel(['inspect', resnet, '--shape', 'N=2', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'onnx-funnel/inspect@1',
      sites: { relu: 13, batchNorm: 15 },
      costs: { known: true, notes: [] },
    });
  });

  test.runIf(existsSync('/bin/bash'))('bash completes commands, options, values and pass names', async () => {
    const { stdout } = await funnel(['completion', 'bash']);
    const complete = (...words: string[]) =>
      `COMP_WORDS=(${words.map(w => `'${w}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _funnel; echo "\${COMPREPLY[*]}"`;
    const script = [
      stdout,
      complete('funnel', 'con'),
      complete('funnel', 'fold', '--fr'),
      complete('funnel', 'convert', 'x', '--form', ''),
      complete('funnel', 'rewrite', 'x', '--passes', 'fold-'),
      complete('funnel', 'passes', 'depl'),
      complete('funnel', 'inspect', ''),
    ].join('\n');
    const bash = spawn('/bin/bash', ['-c', script]);
    let text = '';
    for await (const chunk of bash.stdout) text += chunk;
    expect(text).toBe('convert\n--freeze-initializers\nfolded trainable fused\nfold-shape fold-constants fold-batch-norm\ndeploy\n\n');
  });
});
