import { Command } from 'commander';
import { addOptions, examples, loweringOptions, type PassFlags, type RewriteFlags, rewriteOptions } from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

/** `funnel lower`: FReLU from any form into another. */
export const lower = (): Command =>
  examples(
    addOptions(new Command('lower'), ...loweringOptions(), ...rewriteOptions())
      .description('write FReLU, however it is spelled, in another form')
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: RewriteFlags & PassFlags) => rewriteFile('lower', input, flags, { pipelines: ['lower'] })),
    ['funnel lower frelu.onnx -o fast.onnx --target ort-cpu', 'the fastest form for each site'],
    ['funnel lower deployed.onnx -o train.onnx --lowering trainable', 'with a BatchNormalization of its own, to train on'],
    ['funnel lower exported.onnx -o fused.onnx --lowering fused', 'one call of funnel.FReLU per activation'],
  );
