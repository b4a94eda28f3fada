import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { naming, usage } from '../failure.ts';
import { readModel } from '../model-file.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

interface Flags extends CommonFlags {
  readonly output?: string;
  readonly name?: string;
}

/** `funnel client`: a typed TypeScript client for a model. */
export const client = (): Command =>
  examples(
    addOptions(
      new Command('client'),
      new Option('-o, --output <file>', "where the client goes: a .ts file, or '-' for standard output"),
      new Option('--name <class>', 'name of its class (default: made of the file name)'),
      jsonOption(),
    )
      .description(
        'write a TypeScript class that runs a model on onnxruntime-node, with typed inputs and outputs that are checked at run time',
      )
      .argument('<in>', "the model: .onnx, .onnxtxt, or '-' for standard input")
      .action(run),
    ['funnel client resnet18.onnx -o src/resnet18.ts', 'a class Resnet18Client'],
    ['funnel client resnet18.onnx --name ResNet18 -o -', 'to standard output, under another name'],
  );

async function run(input: string, flags: Flags): Promise<void> {
  const output = await wanted(input, flags.output);
  const model = await readModel(input);
  const [{ clientSource }, { writeText }, { say }] = await Promise.all([
    import('../../codegen/client-source.ts'),
    import('../../serde/write-file.ts'),
    import('../output.ts'),
  ]);
  const source = input === '-' ? 'model' : basename(input);
  const command = ['funnel client', input === '-' ? '-' : source, '-o', output === '-' ? '-' : basename(output)];
  if (flags.name !== undefined) command.push('--name', flags.name);
  const text = await naming(input, () => clientSource(model, { name: flags.name, source, command: command.join(' ') }));
  await writeText(output, text);
  const json = { schema: 'onnx-funnel/client@1', input, output } as const;
  if (output !== '-' || flags.json) say({ json, text: () => `${input} → ${output}` }, flags, output === '-' ? 'stderr' : 'stdout');
}

/** @throws FunnelError E_USAGE where no client can go. */
async function wanted(input: string, output: string | undefined): Promise<string> {
  if (output === undefined || output === '') throw usage("where should the client go? add -o FILE.ts, or '-o -' for standard output");
  if (output === '-') return output;
  if (/\.(onnx|onnxtxt)$/i.test(output)) throw usage(`a client is TypeScript: -o ${output} is the name of a model`);
  if (!/\.[cm]?ts$/i.test(output)) throw usage(`a client is TypeScript: give ${output} a name that ends in .ts`);
  const { checkTextWritable, targetOf } = await import('../../serde/write-file.ts');
  if (input !== '-' && (await targetOf(output)) === (await targetOf(input)))
    throw usage('the client would take the place of the model: give another name after -o');
  await checkTextWritable(output);
  return output;
}
