import picomatch from 'picomatch';

/** Whether a name matches one of several globs, with commas between them: those inside braces and parentheses are a glob's own. */
export function matching(globs: string): (name: string) => boolean {
  return picomatch(globs.match(/(?:\{[^}]*\}|\([^)]*\)|[^,])+/g) ?? []);
}
