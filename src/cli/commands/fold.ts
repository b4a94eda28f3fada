import { Command } from 'commander';
import { addOptions, examples, foldOptions, type PassFlags, type RewriteFlags, rewriteOptions } from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

/** `funnel fold`: the pipeline of that name. */
export const fold = (): Command =>
  examples(
    addOptions(new Command('fold'), ...foldOptions(), ...rewriteOptions())
      .description(
        'make a trained model ready to serve: simplify it, and fold BatchNormalization, arithmetic and padding into the layers around',
      )
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: RewriteFlags & PassFlags) => rewriteFile('fold', input, flags, { pipelines: ['fold'] })),
    ['funnel fold frelu.onnx -o deploy.onnx', 'BatchNormalization goes into the convolutions'],
    ['funnel fold old.onnx -o deploy.onnx --freeze-initializers', 'the same for a model that lists its weights as inputs'],
    ["funnel fold old.onnx -o deploy.onnx --freeze-initializers='*.bn.*'", 'only those of these names'],
    ['curl -s https://example.com/m.onnx | funnel fold - -o - > deploy.onnx', 'through pipes; the report goes to standard error'],
  );
