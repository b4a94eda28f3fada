import { Command } from 'commander';
import { addOptions, examples, type PassFlags, type RewriteFlags, rewriteOptions, simplifyOptions } from '../options.ts';
import { rewriteFile } from '../rewriting.ts';

/** `funnel simplify`: the pipeline of that name. */
export const simplify = (): Command =>
  examples(
    addOptions(new Command('simplify'), ...simplifyOptions(), ...rewriteOptions())
      .description('clean a model up: what does nothing goes, what is known is computed; it computes the same, from the same inputs')
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action((input: string, flags: RewriteFlags & PassFlags) => rewriteFile('simplify', input, flags, { pipelines: ['simplify'] })),
    ['funnel simplify exported.onnx -o clean.onnx', 'shapes computed, no-ops and what is unused gone; weights stay as they are'],
    ['funnel simplify exported.onnx -o clean.onnx --max-growth 1MB', 'where constants may make the file larger'],
    ['funnel simplify exported.onnx -o clean.onnx --explain', 'what happened where, and what was refused, and why'],
  );
