import { Command, Option } from 'commander';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

interface Flags extends CommonFlags {
  readonly out?: string;
}

/** `funnel demo`: the main job on a built-in model. */
export const demo = (): Command =>
  examples(
    addOptions(new Command('demo'), new Option('--out <dir>', 'keep the models in this folder (default: a temporary one)'), jsonOption())
      .description('convert, fold and verify a small built-in ResNet, on the CPU and, where there is an adapter, on WebGPU')
      .action(run),
    ['funnel demo', 'what this tool does, in a few seconds'],
    ['funnel demo --out models', 'and its models, to look at'],
  );

async function run(flags: Flags): Promise<void> {
  const [{ runDemo }, { demoText }, { say }, { exitCodes }, { progressBar }] = await Promise.all([
    import('../demo.ts'),
    import('../../report/demo-text.ts'),
    import('../output.ts'),
    import('../failure.ts'),
    import('../progress.ts'),
  ]);
  const progress = await progressBar();
  const story = await runDemo(flags.out, progress).finally(() => progress.stop());
  say({ json: story, text: colors => demoText(story, colors) }, flags);
  if (story.steps.some(step => !step.same)) process.exitCode = exitCodes.different;
}
