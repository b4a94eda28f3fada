import { Command, Option } from 'commander';
import { naming } from '../failure.ts';
import { readModel, sizeOfFile } from '../model-file.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';
import { type Shapes, shape } from '../shapes.ts';

interface Flags extends CommonFlags {
  readonly shape?: Shapes;
}

/** `funnel inspect`: what is in a model. */
export const inspect = (): Command =>
  examples(
    addOptions(
      new Command('inspect'),
      new Option(
        '--shape <size>',
        'sizes the model leaves open, for the costs: input:1x3x224x224 or N=2; may be repeated (default: 1)',
      ).argParser(shape),
      jsonOption(),
    )
      .description(
        'operators, parameters, multiply-accumulates, activation memory, ReLU and FReLU sites, operator sets and interface of a model',
      )
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action(run),
    ['funnel inspect resnet18.onnx', 'at a glance'],
    ['funnel inspect yolo.onnx --shape images:1x3x640x640', 'costs at a size of your choice'],
    ["funnel inspect resnet18.onnx --json | jq '.sites.relu'", 'for scripts'],
  );

async function run(input: string, flags: Flags): Promise<void> {
  const model = await readModel(input);
  const [{ inspect }, { inspectText }, { say }] = await Promise.all([
    import('../../inspect/inspect.ts'),
    import('../../report/inspect-text.ts'),
    import('../output.ts'),
  ]);
  const inspection = await naming(input, () => inspect(model, flags.shape));
  const fileBytes = await sizeOfFile(input);
  const json = { ...inspection, input, ...(fileBytes !== undefined && { fileBytes }) };
  say({ json, text: colors => inspectText(inspection, { input, fileBytes }, colors) }, flags);
}
