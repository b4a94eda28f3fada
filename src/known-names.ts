import { createRequire } from 'node:module';
import { FunnelError } from './errors.ts';

const require = createRequire(import.meta.url);

/** The error for a name that is not known, with the one that was probably meant. */
export function unknownName(kind: string, given: string, known: readonly string[], where?: string): FunnelError {
  const meant = nearest(given.toLowerCase(), known);
  const more = known.length - MOST;
  const all = known.length === 0 ? 'none' : `${known.slice(0, MOST).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const hint = meant ? `did you mean '${meant}'?` : `known: ${all}`;
  return new FunnelError('E_USAGE', `unknown ${kind} '${given}'; ${hint}${where ? ` (${where})` : ''}`);
}

/** Names that one line has room for. */
const MOST = 50;

/** Nobody mistypes a longer name, and how far two are apart takes the product of their lengths. */
const LONGEST = 200;

/** The known word that differs least, or that a shorthand such as `foldbn` leaves letters out of. */
function nearest(given: string, all: readonly string[]): string | undefined {
  if (given.length > LONGEST) return undefined;
  const known = all.filter(word => word.length <= LONGEST);
  // Loaded for the error alone; option parsers can't wait for an import.
  const { closest, distance } = require('fastest-levenshtein') as typeof import('fastest-levenshtein');
  const letters = [...given.replace(/[^a-z0-9]/g, '')];
  const shortened = letters.length > 2 ? known.filter(word => hasInOrder(word, letters)) : [];
  const candidates = shortened.length > 0 ? shortened : known.filter(word => distance(given, word) <= Math.max(2, word.length / 2));
  return candidates.length > 0 ? closest(given, candidates) : undefined;
}

function hasInOrder(word: string, letters: readonly string[]): boolean {
  let at = 0;
  return letters.every(letter => {
    at = word.indexOf(letter, at) + 1;
    return at > 0;
  });
}

/** @throws FunnelError E_USAGE for the first name that is not among `known` */
export function checkNames(kind: string, names: readonly string[], known: readonly string[], where?: string): void {
  for (const name of names) if (!known.includes(name)) throw unknownName(kind, name, known, where);
}
