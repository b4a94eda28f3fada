import { createRequire } from 'node:module';
import { FunnelError } from './errors.ts';

const require = createRequire(import.meta.url);

/** The error for a name that is not known, with the one that was probably meant. */
export function unknownName(kind: string, given: string, known: readonly string[], where?: string): FunnelError {
  const meant = nearest(given.toLowerCase(), known);
  const hint = meant ? `did you mean '${meant}'?` : `known: ${known.length === 0 ? 'none' : known.join(', ')}`;
  return new FunnelError('E_USAGE', `unknown ${kind} '${given}'; ${hint}${where ? ` (${where})` : ''}`);
}

/** The known word that differs least, or that a shorthand such as `foldbn` leaves letters out of. */
function nearest(given: string, known: readonly string[]): string | undefined {
  // Loaded for the error alone; option parsers can't wait for an import.
  const { closest, distance } = require('fastest-levenshtein') as typeof import('fastest-levenshtein');
  const letters = [...given.replace(/[^a-z0-9]/g, '')];
  const shorthand = letters.length > 2 ? new RegExp(letters.join('.*')) : /^\b$/;
  const shortened = known.filter(word => shorthand.test(word));
  const candidates = shortened.length > 0 ? shortened : known.filter(word => distance(given, word) <= Math.max(2, word.length / 2));
  return candidates.length > 0 ? closest(given, candidates) : undefined;
}

/** @throws FunnelError E_USAGE for the first name that is not among `known` */
export function checkNames(kind: string, names: readonly string[], known: readonly string[], where?: string): void {
  for (const name of names) if (!known.includes(name)) throw unknownName(kind, name, known, where);
}
