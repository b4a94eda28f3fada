import { CommanderError } from 'commander';
import { FunnelError, ProviderUnavailable } from '../errors.ts';
import { sentence } from '../report/format.ts';
import type { RuntimeFailure } from '../runtime/failure.ts';

/** How a command can end. Signals end it with 128 + their number. */
export const exitCodes = { ok: 0, different: 1, badInput: 2, unavailable: 3, bug: 4 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Wrong use of the command line. */
export function usage(message: string): FunnelError {
  return new FunnelError('E_USAGE', message);
}

/** Errors that are ours although they have a code. */
const ours = new Set(['E_PASS_FAILED']);

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.badInput;
  if (error instanceof ProviderUnavailable) return exitCodes.unavailable;
  if (!(error instanceof FunnelError) || ours.has(error.code)) return exitCodes.bug;
  return isRuntimeFailure(error) && (error.kind !== 'error' || error.category === 'provider-missing' || error.category === 'memory')
    ? exitCodes.unavailable
    : exitCodes.badInput;
}

/** Told by its shape: the runtime's own folder is not loaded for a wrong option. */
function isRuntimeFailure(error: FunnelError): error is RuntimeFailure {
  return error.code === 'E_RUNTIME' && 'category' in error;
}

/** The one line that a person sees: what, where, what to do. */
export function lineOf(error: unknown): string {
  return oneLine(`funnel: ${messageOf(error)}`);
}

function messageOf(error: unknown): string {
  if (error instanceof CommanderError) return commanderMessage(error);
  if (exitCodeOf(error) !== exitCodes.bug) return (error as Error).message;
  const what = error instanceof Error ? error.message : String(error);
  return `${what}: this is a bug of onnx-funnel, please report it with the command, the model and what FUNNEL_DEBUG=1 adds`;
}

/** Commander says `error: unknown option '--fom'`, and on a second line `(Did you mean --form?)`. */
function commanderMessage(error: CommanderError): string {
  const [what = '', hint] = error.message.replace(/^error: /, '').split('\n');
  if (hint) return `${what}; ${hint.replace(/^\(Did/, 'did').replace(/\)$/, '')}`;
  const { command } = error as { readonly command?: string };
  return `${what.replace(/\.$/, '')}; see '${[command === 'funnel' ? undefined : 'funnel', command, '--help'].filter(Boolean).join(' ')}'`;
}

/** Names come from files that others made: neither line breaks nor control sequences reach the terminal. */
export function oneLine(text: string): string {
  return sentence(
    text
      .split(/[\r\n]+/)
      .map((line, i) => (i === 0 ? line.trimEnd() : line.trim()))
      .filter((line, i) => i === 0 || line !== '')
      .join(' '),
  );
}

/** Says under which name the model was asked for, where the error itself does not. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FunnelError) || error instanceof ProviderUnavailable || isRuntimeFailure(error)) throw error;
    const label = path === '-' ? 'standard input' : path;
    if (ours.has(error.code) || error.code === 'E_USAGE' || error.code === 'E_WRITE' || error.message.includes(label)) throw error;
    // Editors and terminals open `file:line:column`.
    throw new FunnelError(error.code, `${label}:${error.code === 'E_SYNTAX' ? '' : ' '}${error.message}`, { cause: error });
  }
}
