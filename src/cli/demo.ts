import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Converts, folds and verifies the built-in model, in `wanted` or in a folder that is gone afterwards. */
export async function runDemo(wanted: string | undefined, progress: Progress): Promise<DemoStory> {
  const folder = wanted ?? (await mkdtemp(join(tmpdir(), 'funnel-demo-')));
  try {
    await mkdir(folder, { recursive: true }).catch(error => {
      throw usage(`can't make the folder ${folder}: ${reason(error)}`);
    });
    const webgpu = await adapter();
    const providers = webgpu.available ? ['cpu', 'webgpu'] : ['cpu'];
    const relu = await read(join(packageRoot, fixture));
    await write(relu, join(folder, 'relu.onnx'));
    const step = async (
      command: string,
      pipeline: string,
      from: string,
      to: string,
      model: Model,
    ): Promise<DemoStep & { readonly after: Model }> => {
      const { model: after, report } = await rewrite(
        model,
        pipelines[pipeline]!.map(name => passes[name]!()),
      );
      await write(after, join(folder, to));
      const { same, summary, ...verdict } = await verify(join(folder, from), join(folder, to), { providers, onProgress: progress.update });
      return {
        command: `funnel ${command} ${from} -o ${to}`,
        passes: report,
        same,
        summary,
        runs: runsOf({ same, summary, ...verdict }),
        after,
      };
    };
    const { after: frelu, ...converted } = await step('convert', 'convert', 'relu.onnx', 'frelu.onnx', relu);
    const { after: _, ...folded } = await step('fold', 'deploy', 'frelu.onnx', 'deploy.onnx', frelu);
    return { schema: 'onnx-funnel/demo@1', folder: wanted, webgpu, steps: [converted, folded] };
  } finally {
    if (wanted === undefined) await rm(folder, { recursive: true, force: true });
  }
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
