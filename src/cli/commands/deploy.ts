import { Command } from 'commander';
import { addOptions, examples, foldOptions, loweringOptions, type PassFlags, type RewriteFlags, rewriteOptions } from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

/** `funnel deploy`: what `fold` does, and funnels in the form of a target. */
export const deploy = (): Command =>
  examples(
    addOptions(new Command('deploy'), ...loweringOptions(), ...foldOptions(), ...rewriteOptions())
      .description('make a trained model ready to serve: fold it, and write its FReLU in the form that is fastest where it runs')
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: RewriteFlags & PassFlags) => rewriteFile('deploy', input, flags, { pipelines: ['deploy'] })),
    ['funnel deploy trained.onnx -o served.onnx --target ort-cpu', "for ONNX Runtime's CPU provider"],
    ['funnel deploy trained.onnx -o browser.onnx --target ort-web', 'for browsers: Conv, Relu and Add only'],
    ['funnel deploy trained.onnx -o served.onnx', 'for any runtime: Max(T, x)'],
  );
