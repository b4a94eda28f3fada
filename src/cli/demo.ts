import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { passes, pipelines } from '../../passes/index.ts';
import { read, rewrite, verify, write } from '../api.ts';
import type { Model } from '../ir/model.ts';
import { type DemoStep, type DemoStory, runsOf } from '../report/demo-text.ts';
import { Runtime } from '../runtime/session.ts';
import { reason } from '../serde/file.ts';
import { usage } from './failure.ts';
import { packageRoot } from './package.ts';
import type { Progress } from './progress.ts';

const fixture = 'fixtures/models/resnet-tiny.onnxtxt';

/** Converts, folds and verifies the built-in model, in `wanted` or in a folder that is gone when the process is. */
export async function runDemo(wanted: string | undefined, progress: Progress): Promise<DemoStory> {
  const folder = await folderFor(wanted);
  const webgpu = await adapter();
  const providers = webgpu.available ? ['cpu', 'webgpu'] : ['cpu'];
  const relu = await read(join(packageRoot, fixture));
  await write(relu, join(folder, 'relu.onnx'));
  const step = async (command: string, pipeline: string, from: string, to: string, model: Model) => {
    const { model: after, report } = await rewrite(
      model,
      pipelines[pipeline]!.map(name => passes[name]!()),
    );
    await write(after, join(folder, to));
    const verdict = await verify(join(folder, from), join(folder, to), { providers, onProgress: progress.update });
    const { same, summary } = verdict;
    const told: DemoStep = { command: `funnel ${command} ${from} -o ${to}`, passes: report, same, summary, runs: runsOf(verdict) };
    return { told, after };
  };
  const converted = await step('convert', 'convert', 'relu.onnx', 'frelu.onnx', relu);
  const folded = await step('fold', 'fold', 'frelu.onnx', 'deploy.onnx', converted.after);
  return { schema: 'onnx-funnel/demo@1', folder: wanted, webgpu, steps: [converted.told, folded.told] };
}

async function folderFor(wanted: string | undefined): Promise<string> {
  if (wanted === undefined) {
    const folder = await mkdtemp(join(tmpdir(), 'funnel-demo-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }
  // Not recursive: Node then tries for ever where the system makes no folders, such as below /proc.
  await mkdir(wanted).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? `there is no folder ${dirname(wanted)}` : reason(error);
    if (error.code !== 'EEXIST') throw usage(`can't make the folder ${wanted}: ${why}`);
  });
  return wanted;
}

async function adapter(): Promise<DemoStory['webgpu']> {
  const runtime = new Runtime();
  try {
    const probe = await runtime.probe('webgpu');
    return probe.available ? { available: true } : { available: false, why: probe.why };
  } finally {
    await runtime.close();
  }
}
