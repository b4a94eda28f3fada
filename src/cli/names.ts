import { InvalidArgumentError } from 'commander';

export { checkNames, unknownName } from '../known-names.ts';

/** A comma-separated list; what was given before stays. */
export function list(text: string, previous: readonly string[] = []): string[] {
  const names = text.split(',').map(name => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('A name is missing beside a comma.');
  return [...previous, ...names];
}
