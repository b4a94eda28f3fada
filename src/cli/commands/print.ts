import { Command, Option } from 'commander';
import { naming } from '../failure.ts';
import { readModel } from '../model-file.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

interface Flags extends CommonFlags {
  readonly output?: string;
  readonly full?: boolean;
  readonly types?: boolean;
}

/** Tensors up to this many elements are shapes, axes and the like: worth reading. */
const WORTH_READING = 8;

/** `funnel print`: ONNX's textual syntax. */
export const print = (): Command =>
  examples(
    addOptions(
      new Command('print'),
      new Option('-o, --output <file>', 'write to this file instead of standard output'),
      new Option('--full', 'everything: all elements of tensors and all types, so that the text can be parsed again'),
      new Option('--types', 'the types of inner results, where the model declares them'),
      jsonOption(),
    )
      .description("print a model in ONNX's textual syntax")
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action(run),
    ['funnel print model.onnx | less', 'the graph, without its weights'],
    ['funnel print model.onnx --full -o model.onnxtxt', "all of it; 'funnel parse' is the way back"],
  );

async function run(input: string, { output = '-', full = false, types = false, json = false }: Flags): Promise<void> {
  const { print } = await import('../../text/print.ts');
  const model = await readModel(input);
  // Printing reads elements, which may lie in other files.
  const text = await naming(input, async () => print(model, full ? {} : { maxElements: WORTH_READING, types }));
  const document = json ? `${JSON.stringify({ schema: 'onnx-funnel/print@1', input, full, text }, null, 2)}\n` : text;
  if (output === '-') {
    const shown = process.stdout.isTTY ? harmless(document) : document;
    process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
    return;
  }
  const { writeText } = await import('../../serde/write-file.ts');
  await writeText(output, document);
}

/** Names come from files that others made: no control sequences reach the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const harmless = (text: string) => text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '?');
