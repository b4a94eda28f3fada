import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
  const { code, stderr } = await funnel(['parse', resnet, '-o', 'model.onnx']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
    const [planned, placed] = await twoAtATime(
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
    const [text, json] = await twoAtATime([['--explain'], ['--json', '--place', 'paper', '--kernel', '5']], args =>
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
    const [refused, explained, frozen, some] = await twoAtATime(
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

  test('training mode is left alone unless evaluation is forced', async () => {
    const text = `<ir_version: 8, opset_import: ["" : 17]>
g (float[1,1,4,4] x) => (float[1,1,4,4] y)
<float[1,1,1,1] w = {2}, float[1] s = {1}, float[1] b = {0}, float[1] m = {0}, float[1] v = {1}> {
  t = Conv (x, w)
  y, mean, var = BatchNormalization <training_mode = 1> (t, s, b, m, v)
}`;
    writeFileSync(at('training.onnxtxt'), text);
    const [left, forced] = await twoAtATime(['', '--force-eval'], async extra =>
      funnel(['fold', 'training.onnxtxt', ...extra.split(' ').filter(Boolean), '-o', `training${extra}.onnx`]),
    );
    expect(left!.stdout).toMatch(/refused 1 × E_TRAINING: .*--force-eval/);
    expect(forced!.stdout).toMatch(/force-eval +1 × BatchNormalization[\s\S]*fold-batch-norm +1 × BatchNormalization/);
  });

  test('the demo', async () => {
    const { code, stdout, stderr } = await funnel(['demo', '--out', 'demo'], {
      env: { FUNNEL_SWIFTSHADER: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/13 × Relu\n +same bits on cpu, as it is/);
    expect(stdout).toMatch(/15 × BatchNormalization\n[^$]* +same on cpu, as it is, relative error \d\.\de-\d/);
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
    const [once, twice] = await twoAtATime(['model.onnx', 'again.onnx'], model => funnel(['print', model, '--full']));
    expect(once!.stdout).toContain('Conv <kernel_shape');
    expect(twice!.stdout).toBe(once!.stdout);
  });

  test('colours only where they are wanted', async () => {
    const sequence = '\u001b[';
    const [plain, forced, refused] = await twoAtATime([{}, { FORCE_COLOR: '1' }, { NO_COLOR: '1' }], env => funnel(['passes'], { env }));
    expect([plain, forced, refused].map(result => result!.stdout.includes(sequence))).toEqual([false, true, false]);
  });
});

describe('what there is', () => {
  const commands = ['convert', 'fold', 'rewrite', 'verify', 'inspect', 'print', 'parse', 'passes', 'demo', 'completion'];

  test('every command has help with examples', async () => {
    const help = await twoAtATime(commands, command => funnel([command, '--help']));
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
    const [list, one, json] = await twoAtATime([['passes'], ['passes', 'fuse-frelu'], ['passes', 'deploy', '--json']], args =>
      funnel(args),
    );
    expect(list!.stdout).toMatch(/^Passes\n[\s\S]*relu-to-frelu +changes +\w[\s\S]*Pipelines\n[\s\S]*deploy +Folded, /);
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
      complete('funnel', 'rewrite', 'x', '--passes', 'fold-sh'),
      complete('funnel', 'passes', 'depl'),
      complete('funnel', 'inspect', ''),
    ].join('\n');
    const bash = spawn('/bin/bash', ['-c', script]);
    let text = '';
    for await (const chunk of bash.stdout) text += chunk;
    expect(text).toBe('convert\n--freeze-initializers\nfolded trainable fused\nfold-shape\ndeploy\n\n');
  });
});
