import { Argument, Command } from 'commander';
import { unknownName } from '../names.ts';
import { addOptions, type CommonFlags, examples, jsonOption } from '../options.ts';

const shellNames = ['bash', 'zsh', 'fish'];

/** `funnel completion`: a script for the shell, made from the commands as they are. */
export const completion = (): Command =>
  examples(
    addOptions(new Command('completion'), jsonOption())
      .description('print a script that lets the shell complete commands, options and pass names')
      .addArgument(new Argument('<shell>', 'bash, zsh or fish'))
      .action(run),
    ['source <(funnel completion bash)', 'in ~/.bashrc'],
    ['funnel completion fish > ~/.config/fish/completions/funnel.fish', 'for fish'],
  );

async function run(shell: string, flags: CommonFlags, command: Command): Promise<void> {
  if (!shellNames.includes(shell)) throw unknownName('shell', shell, shellNames);
  const [{ shells, specOf }, { passes, pipelines }, { providerNames }, { say }] = await Promise.all([
    import('../completion.ts'),
    import('../../../passes/index.ts'),
    import('../../runtime/providers.ts'),
    import('../output.ts'),
  ]);
  const names = Object.keys(passes);
  const commands = specOf(command.parent!, {
    options: { '--passes': names, '--pipeline': Object.keys(pipelines), '--provider': providerNames },
    commands: { passes: [...names, ...Object.keys(pipelines)], completion: shellNames },
  });
  const script = shells[shell]!(commands);
  say({ json: { schema: 'onnx-funnel/completion@1', shell, script }, text: () => script }, flags);
}
