import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Config } from '../ci/config.ts';
import { InvalidConfig } from '../errors.ts';
import { usage } from './failure.ts';

const names = ['funnel.config.ts', 'funnel.config.mts', 'funnel.config.js', 'funnel.config.mjs', 'funnel.config.json'];

export interface LoadedConfig {
  readonly config: Config;
  /** What errors call it: as it was named. */
  readonly label: string;
  /** What its paths are relative to. */
  readonly folder: string;
}

/** The configuration that is named, or the one in this folder. @throws FunnelError, InvalidConfig */
export async function loadConfig(path: string | undefined): Promise<LoadedConfig> {
  const label = path ?? names.find(name => existsSync(name));
  if (label === undefined || label === '')
    throw usage(`there is no ${names[0]} (or .mts, .js, .mjs, .json) here: name one, or write one, as 'funnel ci --help' shows`);
  const value = label.endsWith('.json') ? await jsonOf(label) : await moduleOf(label);
  const { parseConfig } = await import('../ci/schema.ts');
  return { config: parseConfig(value, label), label, folder: dirname(resolve(label)) };
}

async function jsonOf(path: string): Promise<unknown> {
  const { readText } = await import('../serde/file.ts');
  const text = await readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidConfig(path, [{ where: path, message: `it is not JSON: ${(error as Error).message}` }]);
  }
}

async function moduleOf(path: string): Promise<unknown> {
  const [{ loadModule }, { provideOwnModules, ownTypes }, { usualTimeout, within }] = await Promise.all([
    import('../serde/module-file.ts'),
    import('./own-modules.ts'),
    import('../runtime/time-limit.ts'),
  ]);
  if (/\.m?ts$/.test(path) && existsSync(path)) await checkTypes(path, ownTypes());
  await provideOwnModules();
  return within(usualTimeout, path, () => loadModule(path));
}

/** A misspelt option is told before it could be left out in silence. @throws InvalidConfig */
async function checkTypes(path: string, types: Readonly<Record<string, string>>): Promise<void> {
  const { typeProblems } = await import('../codegen/type-check.ts');
  const problems = typeProblems(resolve(path), path, types);
  if (problems.length > 0) throw new InvalidConfig(path, problems);
}
