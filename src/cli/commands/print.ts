import { Command, Option } from 'commander';
import { readModel } from '../model-file.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

interface Flags extends CommonFlags {
  readonly output?: string;
  readonly full?: boolean;
}

/** `funnel print`: ONNX's textual syntax. */
export const print = (): Command =>
  examples(
    addOptions(
      new Command('print'),
      new Option('-o, --output <file>', 'write to this file instead of standard output'),
      new Option('--full', 'spell out large tensors too, so that the text can be parsed again'),
      jsonOption(),
    )
      .description("print a model in ONNX's textual syntax")
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action(run),
    ['funnel print model.onnx | less', 'the graph, without its weights'],
    ['funnel print model.onnx --full -o model.onnxtxt', "all of it; 'funnel parse' is the way back"],
  );

async function run(input: string, { output = '-', full = false, json = false }: Flags): Promise<void> {
  const { print } = await import('../../text/print.ts');
  const text = print(await readModel(input), full ? {} : { elideAbove: 64 });
  const document = json ? `${JSON.stringify({ schema: 'onnx-funnel/print@1', input, full, text }, null, 2)}\n` : text;
  if (output === '-') {
    process.stdout.write(document.endsWith('\n') ? document : `${document}\n`);
    return;
  }
  const { writeFile } = await import('../../serde/write-file.ts');
  await writeFile(output, [new TextEncoder().encode(document)]);
}
