import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

const folder = join(import.meta.dirname, '../../../shared/corpus');

/** Real models beside the project, where there are any: path by name. Says so loudly where there are none. */
export function corpusModels(under = ''): Record<string, string> {
  const start = join(folder, under);
  if (!existsSync(start)) {
    console.warn(`SKIPPED: tests on real models: there is no ${start}`);
    return {};
  }
  const models = readdirSync(start, { recursive: true, encoding: 'utf8' }).filter(path => path.endsWith('.onnx'));
  return Object.fromEntries(models.sort().map(path => [relative(start, join(start, path)), join(start, path)]));
}

/** The paths of all of them. */
export const corpus = (): string[] => Object.values(corpusModels());
