import { createRequire } from 'node:module';
import { InvalidArgumentError } from 'commander';
import type { FunnelError } from '../errors.ts';
import { usage } from './failure.ts';

const require = createRequire(import.meta.url);

/** The error for a name that is not known, with the one that was probably meant. */
export function unknownName(kind: string, given: string, known: readonly string[], where?: string): FunnelError {
  // Loaded for the error alone; option parsers can't wait for an import.
  const { closest, distance } = require('fastest-levenshtein') as typeof import('fastest-levenshtein');
  const nearest = known.length > 0 ? closest(given, known) : '';
  const near = distance(given.toLowerCase(), nearest) <= Math.max(2, nearest.length / 2);
  const hint = near && nearest !== '' ? `did you mean '${nearest}'?` : known.length > 0 ? `known: ${known.join(', ')}` : 'there is none';
  return usage(`unknown ${kind} '${given}'; ${hint}${where ? ` (${where})` : ''}`);
}

/** @throws FunnelError E_USAGE for the first name that is not among `known` */
export function checkNames(kind: string, names: readonly string[], known: readonly string[], where?: string): void {
  for (const name of names) if (!known.includes(name)) throw unknownName(kind, name, known, where);
}

/** A comma-separated list. */
export function list(text: string): string[] {
  const names = text.split(',').map(name => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('A name is missing beside a comma.');
  return names;
}
