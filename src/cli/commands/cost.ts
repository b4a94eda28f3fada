import { Command } from 'commander';
import { naming } from '../failure.ts';
import { readModel } from '../model-file.ts';
import {
  addOptions,
  type CommonFlags,
  convertOptions,
  examples,
  explainOption,
  funnelOptions,
  jsonOption,
  type PassFlags,
} from '../options.ts';
import { type PlacementFlags, placementOf, placementOptions } from '../placing.ts';

type Flags = CommonFlags & PassFlags & PlacementFlags & { readonly explain?: boolean };

/** Options of convert that say nothing of costs. */
const without = new Set(['--form', '--init', '--seed', '--weights', '--weights-map', '--weights-epsilon', '--plan']);

/** `funnel cost`: what FReLU costs, form by form. */
export const cost = (): Command =>
  examples(
    addOptions(
      new Command('cost'),
      ...[...convertOptions(), ...placementOptions()].filter(option => !without.has(option.long!)),
      explainOption('list every site, with what moves there in each form'),
      jsonOption(),
    )
      .description(
        'parameters, multiply-accumulates, activation memory, bytes moved and kernels of a model as it is, and with FReLU in each form',
      )
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action(run),
    ['funnel cost resnet50.onnx', 'what every ReLU as FReLU would cost'],
    ['funnel cost resnet50.onnx --place paper --kernel 5', 'other places, another window'],
    ['funnel cost trained.onnx --explain', 'a model with funnels of its own, site by site'],
  );

async function run(input: string, flags: Flags): Promise<void> {
  const model = await readModel(input);
  const [{ cost }, { costText }, { say }] = await Promise.all([
    import('../../api.ts'),
    import('../../report/cost-text.ts'),
    import('../output.ts'),
  ]);
  const report = await naming(input, () => cost(model, placementOf(flags) ?? {}, funnelOptions(flags), flags.shape));
  say({ json: { ...report, input }, text: colors => costText(report, input, colors, flags.explain === true) }, flags);
}
