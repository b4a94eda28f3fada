import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../../shared/corpus');

/** Real models, where they are at hand: paths of .onnx files. They are too large to be part of the repository. */
export function corpus(): string[] {
  if (!existsSync(folder)) {
    console.warn(`SKIPPED: there is no corpus of real models at ${folder}`);
    return [];
  }
  const names = readdirSync(folder, { recursive: true }) as string[];
  return names.filter(name => name.endsWith('.onnx')).map(name => join(folder, name));
}
