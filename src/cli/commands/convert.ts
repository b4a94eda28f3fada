import { Command } from 'commander';
import { addOptions, convertOptions, examples, type PassFlags, type RewriteFlags, rewriteOptions } from '../options.ts';
import { type PlacementFlags, placed, placementOptions, showPlan } from '../placing.ts';
import { rewriteFile } from '../rewriting.ts';

type Flags = RewriteFlags & PassFlags & PlacementFlags & { readonly plan?: string };

/** `funnel convert`: ReLU and its relatives become FReLU. */
export const convert = (): Command =>
  examples(
    addOptions(new Command('convert'), ...convertOptions(), ...placementOptions(), ...rewriteOptions())
      .description(
        'turn ReLU, LeakyRelu, PRelu and Clip over images into FReLU, max(x, T(x)); the network first computes what it did before',
      )
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: Flags) =>
        flags.plan === ''
          ? showPlan(input, flags)
          : rewriteFile('convert', input, flags, { pipelines: ['convert'] }, model => placed(model, input, flags)),
      ),
    ['funnel convert resnet18.onnx -o frelu.onnx', 'every ReLU becomes a funnel; outputs stay as they were, bit for bit'],
    ['funnel convert resnet18.onnx -o train.onnx --form trainable --seed 7', 'to train on: T with its own BatchNormalization'],
    ['funnel convert resnet50.onnx --place paper --max-macs +2% --plan', 'where, and at what cost; nothing is written'],
    ['funnel convert resnet50.onnx --place paper --plan --json > plan.json', 'the same, to edit and to keep'],
    ['funnel convert resnet50.onnx --plan plan.json -o frelu.onnx', 'carry it out'],
    ['funnel convert resnet18.onnx -o paper.onnx --init gaussian', 'the first weights of the paper'],
    ['funnel convert resnet18.onnx -o trained.onnx --weights state_dict.safetensors', 'with weights that were trained elsewhere'],
  );
