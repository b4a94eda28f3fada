import { Command } from 'commander';
import { FunnelError } from '../../errors.ts';
import { plural } from '../../report/format.ts';
import { naming } from '../failure.ts';
import { sizeOfFile, wantedOutput, writeModel } from '../model-file.ts';
import { addOptions, examples, externalDataOption, jsonOption, type OutputFlags, outputOption } from '../options.ts';

/** `funnel parse`: the way back from `funnel print`. */
export const parse = (): Command =>
  examples(
    addOptions(new Command('parse'), outputOption(), externalDataOption(), jsonOption())
      .description("make a model of ONNX's textual syntax; mistakes are shown as file:line:column")
      .argument('<in>', "the text, or '-' for standard input")
      .action(run),
    ['funnel parse model.onnxtxt -o model.onnx', 'a model to run'],
    ['funnel print in.onnx --full | sed s/Relu/Elu/ | funnel parse - -o out.onnx', 'edit a model as text'],
  );

async function run(input: string, flags: OutputFlags): Promise<void> {
  const output = await wantedOutput(flags.output);
  const [{ readBytes }, text, { say }] = await Promise.all([
    import('../../serde/file.ts'),
    import('../../text/parse.ts'),
    import('../output.ts'),
  ]);
  const model = await naming(input, async () => {
    const bytes = await readBytes(input);
    if (bytes.includes(0))
      throw new FunnelError('E_NOT_TEXT', "not ONNX's textual syntax but a binary file; 'funnel print' turns a model into text");
    return text.parse(new TextDecoder().decode(bytes));
  });
  await writeModel(model, output, input, flags.externalData);
  const nodes = model.graph.size;
  const json = {
    schema: 'onnx-funnel/parse@1',
    input,
    output,
    outputBytes: await sizeOfFile(output),
    nodes,
    functions: model.functions.length,
  };
  const message = { json, text: () => `${input} → ${output}: ${plural(nodes, 'node')}` };
  say(message, flags, output === '-' ? 'stderr' : 'stdout');
}
