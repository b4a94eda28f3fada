import { Command } from 'commander';
import { addOptions, convertOptions, examples, type PassFlags, type RewriteFlags, rewriteOptions } from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

/** `funnel convert`: ReLU and its relatives become FReLU. */
export const convert = (): Command =>
  examples(
    addOptions(new Command('convert'), ...convertOptions(), ...rewriteOptions())
      .description(
        'turn ReLU, LeakyRelu, PRelu and Clip over images into FReLU, max(x, T(x)); the network first computes what it did before',
      )
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: RewriteFlags & PassFlags) => rewriteFile('convert', input, flags, { pipelines: ['convert'] })),
    ['funnel convert resnet18.onnx -o frelu.onnx', 'every ReLU becomes a funnel; outputs stay as they were, bit for bit'],
    ['funnel convert resnet18.onnx -o train.onnx --form trainable --seed 7', 'to train on: T with its own BatchNormalization'],
    ['funnel convert resnet18.onnx -o paper.onnx --init gaussian', 'the first weights of the paper'],
  );
