import chalk, { type ChalkInstance, chalkStderr } from 'chalk';
import type { CommonFlags } from './options.ts';

/** What a command has to say. */
export interface Message<T extends { readonly schema: string }> {
  /** One JSON document with a `schema`. */
  readonly json: T;
  text(colors: ChalkInstance): string;
}

/** Says it on standard output, or on standard error where a model takes standard output. */
export function say<T extends { readonly schema: string }>(
  message: Message<T>,
  flags: CommonFlags,
  to: 'stdout' | 'stderr' = 'stdout',
): void {
  const text = flags.json ? JSON.stringify(message.json, jsonValue, 2) : message.text(colorsOf(to));
  process[to].write(text.endsWith('\n') ? text : `${text}\n`);
}

/** chalk looks at the terminal and at FORCE_COLOR, but not at https://no-color.org. */
function colorsOf(to: 'stdout' | 'stderr'): ChalkInstance {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR && FORCE_COLOR === undefined) chalk.level = chalkStderr.level = 0;
  return to === 'stdout' ? chalk : chalkStderr;
}

function jsonValue(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value;
}
