import { setTimeout } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { bench } from './commands/bench.ts';
import { ci } from './commands/ci.ts';
import { client } from './commands/client.ts';
import { completion } from './commands/completion.ts';
import { convert } from './commands/convert.ts';
import { cost } from './commands/cost.ts';
import { demo } from './commands/demo.ts';
import { deploy } from './commands/deploy.ts';
import { diff } from './commands/diff.ts';
import { fold } from './commands/fold.ts';
import { inspect } from './commands/inspect.ts';
import { lower } from './commands/lower.ts';
import { mergeReports } from './commands/merge-reports.ts';
import { parse } from './commands/parse.ts';
import { passes } from './commands/passes.ts';
import { print } from './commands/print.ts';
import { revert } from './commands/revert.ts';
import { rewrite } from './commands/rewrite.ts';
import { simplify } from './commands/simplify.ts';
import { verify } from './commands/verify.ts';
import { exitCodeOf, exitCodes, lineOf } from './failure.ts';
import { interrupt } from './interrupt.ts';
import { bindOptionalValues } from './options.ts';
import { problemLines, problemsJson } from './problems.ts';

/** The whole command tree. Commands load what they do when they are run. */
export function program(): Command {
  const funnel = new Command('funnel')
    .description(
      'A compiler for ONNX graphs: turns activations into FReLU, folds BatchNormalization, and proves that the result computes the same.',
    )
    .usage('<command> [options]')
    .option('-V, --version', 'print the version')
    .helpCommand('help [command]', 'display help for a command')
    .configureHelp({ optionTerm: option => option.flags.replace(' [', '[='), showGlobalOptions: false })
    // The error itself carries the message; it is printed once, in one place.
    .configureOutput({ outputError: () => {} })
    .addHelpText('after', "\n'funnel <command> --help' shows a command's options and examples.");
  naming(funnel);
  for (const make of [
    convert,
    simplify,
    fold,
    deploy,
    lower,
    revert,
    rewrite,
    verify,
    bench,
    ci,
    mergeReports,
    diff,
    inspect,
    cost,
    print,
    parse,
    client,
    passes,
    demo,
    completion,
  ]) {
    const command = make().copyInheritedSettings(funnel);
    funnel.addCommand(naming(command));
  }
  return funnel;
}

/** Errors say which command's help to look at, and leave the end of the process to `main`. */
function naming(command: Command): Command {
  return command.exitOverride(error => {
    throw Object.assign(error, { command: command.name() });
  });
}

/** Runs one command line and returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  guardProcess(args);
  isOver = false;
  try {
    await program().parseAsync(bindOptionalValues(args), { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (thrown) {
    return tell(await known(thrown), args);
  } finally {
    isOver = true;
  }
}

/** What a user's own module threw is none of our faults. */
async function known(thrown: unknown): Promise<unknown> {
  if (exitCodeOf(thrown) !== exitCodes.bug) return thrown;
  const { blame } = await import('../serde/module-file.ts');
  return blame(thrown) ?? thrown;
}

/** Says what went wrong; the exit code. */
function tell(error: unknown, args: readonly string[]): number {
  const code = exitCodeOf(error);
  // Help was asked for, or shown because nothing was.
  if (error instanceof CommanderError && /^commander\.(help|helpDisplayed)$/.test(error.code)) return code;
  process.stderr.write(`${[lineOf(error), ...problemLines(error)].join('\n')}\n`);
  const json = wantsJson(args) ? problemsJson(error) : undefined;
  if (json !== undefined) process.stdout.write(`${json}\n`);
  if (process.env.FUNNEL_DEBUG) console.error(error);
  return code;
}

/** Whether the answer was to be JSON, and standard output is free for it. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return (
    options.includes('--json') &&
    !options.some((arg, i) => arg === '-o-' || arg === '--output=-' || (arg === '-' && /^(-o|--output)$/.test(options[i - 1] ?? '')))
  );
}

/** Whether the command has come to its end, or to another that is known. */
let isOver = true;

function exit(code: number): never {
  isOver = true;
  process.exit(code);
}

/** `exit` waits for system calls, and a named pipe that nobody opens on its other side lets none return: then the signal itself ends us. */
async function leave(signal: NodeJS.Signals, code: number): Promise<never> {
  const waits = () => process.getActiveResourcesInfo().some(what => what.startsWith('FSReq'));
  for (let patience = 10; patience > 0 && waits(); patience--) await setTimeout(50);
  if (waits())
    process.on('exit', () => {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  exit(code);
}

/** How the process ends when others end it. */
function guardProcess(args: readonly string[]): void {
  process.on('exit', code => {
    if (isOver) return;
    // A user's module can do both. Whatever code it chose: nothing was found out.
    const what = code === 13 ? 'waits for what never comes' : `ended the process (exit code ${code})`;
    process.exitCode = exitCodes.badInput;
    process.stderr.write(`funnel: a module ${what}: a configuration, a generator or a pass is at fault\n`);
  });
  let caught = 0;
  process.on('uncaughtException', async error => {
    // The first one ends it; what goes wrong while it is told would come here again, and again.
    if (caught++ > 0) return;
    await interrupt().catch(() => {});
    exit(
      await known(error)
        .then(what => tell(what, args))
        .catch(() => exitCodes.bug),
    );
  });
  // `process.exit` lets half-written files and the runtime's process be cleaned up, which the signal itself would not.
  for (const [signal, number] of [
    ['SIGHUP', 1],
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.on(signal, () => void interrupt().finally(() => leave(signal, 128 + number)));
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever reads has read enough (`funnel print x | head`): no failure.
      if (error.code === 'EPIPE') return;
      if (stream === process.stdout)
        process.stderr.write(`funnel: can't write standard output: ${error.code === 'ENOSPC' ? 'the disk is full' : error.message}\n`);
      exit(exitCodes.badInput);
    });
  }
}
