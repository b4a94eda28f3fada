import { appendFileSync, writeFileSync } from 'node:fs';

/** Writes results to a file as they come, one JSON object a line: what is cut short is not lost. Does nothing without a file. */
export function recorder<T>(file: string | undefined): (result: T) => void {
  if (file === undefined) return () => {};
  writeFileSync(file, '');
  return result => appendFileSync(file, `${JSON.stringify(result)}\n`);
}
