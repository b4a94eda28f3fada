import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FunnelError } from '../errors.ts';
import { reason } from './file.ts';

/** Whether a file is a module by its name: TypeScript or JavaScript. */
export const isModule = (path: string): boolean => /\.[cm]?[jt]s$/.test(path);

/** Modules that were loaded: their files, and what errors call them. */
const modules = new Map<string, string>();

let provided: () => Promise<Readonly<Record<string, unknown>>> = async () => ({});

/** Modules that users' modules get under these names, wherever they lie: this very package, for those that a command runs. */
export function provideModules(modules: typeof provided): void {
  provided = modules;
}

/**
 * The default export of a module that a user wrote, in TypeScript or JavaScript. Node 20 can't run TypeScript; types are taken out, not checked.
 * @throws FunnelError `E_READ` for a file that is not there, `E_MODULE` for one that can't be loaded or exports nothing by default
 */
export async function loadModule(path: string): Promise<unknown> {
  const file = resolve(path);
  await stat(file).catch(error => {
    throw new FunnelError('E_READ', `can't read ${path}: ${reason(error)}`, { cause: error });
  });
  modules.set(file, path);
  const { createJiti } = await import('jiti');
  let loaded: unknown;
  try {
    // Nothing is left in the user's folders; what a module exports is told from what its default export holds.
    const options = { fsCache: false, interopDefault: false, virtualModules: await provided() };
    loaded = await createJiti(pathToFileURL(file).href, options).import(file);
  } catch (error) {
    const [, place] = /^ParseError: .*\n.*:(\d+:\d+)/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new FunnelError('E_MODULE', `${place ? `${path}:${place}` : path} can't be loaded: ${thrown(error)}`, { cause: error });
  }
  // `module.exports = …` of an older module is what it exports by default.
  const value = isNamespace(loaded) ? loaded.default : loaded;
  if (value === undefined) throw new FunnelError('E_MODULE', `${path} exports nothing by default: it needs an 'export default …'`);
  return value;
}

/** What a user's code threw, in one line. */
export function thrown(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return (
    message
      .split('\n')
      .map(line => line.trim())
      .find(line => line !== '') ?? 'it threw nothing that says why'
  );
}

/** The error for what a user's module threw wherever we called it, as its stack tells; undefined for a fault of ours. */
export function blame(error: unknown): FunnelError | undefined {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) stacks.push(String(at.stack));
  const isIn = (file: string) => stacks.some(stack => stack.includes(file) || stack.includes(pathToFileURL(file).href));
  const [, path] = [...modules].find(([file]) => isIn(file)) ?? [];
  return path === undefined ? undefined : new FunnelError('E_MODULE', `${path} threw an error: ${thrown(error)}`, { cause: error });
}

function isNamespace(value: unknown): value is { readonly default: unknown } {
  return typeof value === 'object' && value !== null && ('default' in value || '__esModule' in value || Object.keys(value).length === 0);
}
