import { Command, Option } from 'commander';
import { exitCodes, usage } from '../failure.ts';
import { readModel } from '../model-file.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

interface Flags extends CommonFlags {
  readonly all?: boolean;
}

/** `funnel diff`: what tells two models apart. */
export const diff = (): Command =>
  examples(
    addOptions(new Command('diff'), new Option('--all', 'every line, where a list is long'), jsonOption())
      .description(
        'what tells two models apart: interface, operator sets, nodes, weights, functions; the exit code is 0 for nothing, 1 for anything',
      )
      .argument('<a>', "the model before: .onnx, .onnxtxt, or '-' for standard input")
      .argument('<b>', 'the model after')
      .action(run),
    ['funnel diff resnet18.onnx deploy.onnx', 'what passes have done, and which pass did it'],
    ['funnel diff v1.onnx v2.onnx --all', 'every node and weight'],
    ["funnel diff a.onnx b.onnx --json | jq '.weights.changed'", 'for scripts'],
  );

async function run(a: string, b: string, flags: Flags): Promise<void> {
  if (a === '-' && b === '-') throw usage("both models can't come from standard input");
  const [before, after] = await Promise.all([readModel(a), readModel(b)]);
  const [api, { diffText }, { say }] = await Promise.all([
    import('../../api.ts'),
    import('../../report/diff-text.ts'),
    import('../output.ts'),
  ]);
  const found = await api.diff(before, after);
  const text = (colors: Parameters<typeof diffText>[2]) => diffText(found, { a, b, all: flags.all === true }, colors);
  say({ json: { ...found, a, b }, text }, flags);
  process.exitCode = found.same ? exitCodes.ok : exitCodes.different;
}
