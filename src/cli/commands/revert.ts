import { Command } from 'commander';
import { addOptions, examples, type PassFlags, type RewriteFlags, revertOption, rewriteOptions } from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

/** `funnel revert`: FReLU back into ordinary activations. */
export const revert = (): Command =>
  examples(
    addOptions(new Command('revert'), revertOption(), ...rewriteOptions())
      .description('write FReLU as Relu, LeakyRelu, PRelu or Clip where its weights make it one, exactly or within a bound')
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: RewriteFlags & PassFlags) => rewriteFile('revert', input, flags, { pipelines: ['revert'] })),
    ['funnel revert frelu.onnx -o relu.onnx', 'what funnel convert made, before it is trained'],
    ['funnel revert trained.onnx -o pruned.onnx --max-error 1e-3', 'funnels that learned next to nothing go; the report says how little'],
  );
