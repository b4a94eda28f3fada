import { Command } from 'commander';
import { usage } from '../failure.ts';
import {
  addOptions,
  convertOptions,
  examples,
  foldOptions,
  listOption,
  loweringOptions,
  type PassFlags,
  type RewriteFlags,
  revertOption,
  rewriteOptions,
} from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

interface Flags extends RewriteFlags, PassFlags {
  readonly passes?: readonly string[];
  readonly pipeline?: readonly string[];
}

/** `funnel rewrite`: any passes, in any order. */
export const rewrite = (): Command =>
  examples(
    addOptions(
      new Command('rewrite'),
      listOption('--passes <a,b,c>', "passes to run, in this order; see 'funnel passes'"),
      listOption('--pipeline <a,b>', "named lists of passes, one after the other; see 'funnel passes'").conflicts('passes'),
      ...convertOptions(),
      ...foldOptions(),
      ...loweringOptions(),
      revertOption(),
      ...rewriteOptions(),
    )
      .description('run passes of your choice over a model')
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action(async (input: string, { passes, pipeline, ...flags }: Flags) => {
        if (pipeline !== undefined) return rewriteFile('rewrite', input, flags, { pipelines: pipeline });
        if (passes !== undefined) return rewriteFile('rewrite', input, flags, { passes });
        throw usage("which passes? add --passes a,b,c or --pipeline NAME; 'funnel passes' lists both");
      }),
    ['funnel rewrite in.onnx -o out.onnx --passes drop-identity,fold-batch-norm', 'two passes, one after the other'],
    ['funnel rewrite in.onnx -o out.onnx --pipeline deploy --explain', 'what happened where, and what was refused, and why'],
    ['funnel rewrite in.onnx -o out.onnx --passes fuse-frelu --check', 'with a check of the graph after each pass'],
    ['funnel rewrite in.onnx -o out.onnx --pipeline fold --check each-pass', 'with a proof on ONNX Runtime after each pass'],
  );
