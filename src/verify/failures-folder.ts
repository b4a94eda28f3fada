import { constants } from 'node:fs';
import { access, readdir, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FunnelError } from '../errors.ts';
import { reason } from '../serde/file.ts';
import { read } from '../serde/model-file.ts';

/** What the models in a folder of failures say of where they come from: only these may be replaced. */
export const producer = 'onnx-funnel --failures';
export const testData = 'test_data_set_0';

const models = ['a.onnx', 'b.onnx'];

/**
 * Sees before the work that subgraphs which differ can be written into a folder, and takes away what an earlier run left there, so that nobody takes it for
 * this one's. The folder itself is made when it is needed.
 * @param used files and folders that are compared, or fed
 * @throws FunnelError `E_WRITE` where it can't be made, or would lose models or data that are no earlier run's, or that are used
 */
export async function prepareFailures(folder: string, used: readonly string[]): Promise<void> {
  const numbered = (await namesIn(folder)).filter(name => /^\d+$/.test(name)).map(name => join(folder, name));
  const places = [folder, ...numbered];
  for (const into of places) await refuseForeign(into, new Set(used.map(path => resolve(path))));
  await access(await existing(folder), constants.W_OK).catch(error => {
    throw unwritable(folder, error);
  });
  for (const into of places.reverse()) await clear(into);
}

/** @throws FunnelError `E_WRITE` where something in a folder would be lost */
async function refuseForeign(folder: string, used: ReadonlySet<string>): Promise<void> {
  const names = await namesIn(folder);
  const found = models.filter(name => names.includes(name));
  const own: string[] = [];
  for (const name of found) if (await isOurs(join(folder, name))) own.push(name);
  const foreign = found.filter(name => !own.includes(name));
  if (found.length === 0 && names.includes(testData)) foreign.push(testData);
  // What is compared, or fed, would be lost where it is replaced.
  const replaced = names.includes(testData) ? [...own, testData] : own;
  const compared = replaced.find(name => used.has(resolve(folder, name)) || (name === testData && used.has(resolve(folder))));
  const [first = compared] = foreign;
  if (first !== undefined)
    throw new FunnelError('E_WRITE', `${join(folder, first)} would be overwritten: give --failures another folder, or remove it`);
}

/** Takes away what an earlier run left, and the folders that are empty then. */
async function clear(folder: string): Promise<void> {
  const names = await namesIn(folder);
  if (!models.some(name => names.includes(name))) return;
  const data = join(folder, testData);
  for (const name of await namesIn(data)) if (/^(?:in|out)put_\d+\.pb$/.test(name)) await unlink(join(data, name));
  for (const name of models) if (names.includes(name)) await unlink(join(folder, name));
  for (const empty of [data, folder]) await rmdir(empty).catch(() => {});
}

const isOurs = (path: string) =>
  read(path).then(
    model => model.producerName === producer,
    () => false,
  );

/** None where there is no such folder. @throws FunnelError `E_WRITE` for a file */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder === '' ? '.' : folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw unwritable(folder, error);
  }
}

/** The folder, or the one that it is to be made in. */
async function existing(folder: string): Promise<string> {
  const path = resolve(folder);
  return (await stat(path).catch(() => undefined)) || dirname(path) === path ? path : existing(dirname(path));
}

export const unwritable = (folder: string, error: unknown): FunnelError =>
  new FunnelError('E_WRITE', `can't write into the folder ${folder}: ${reason(error)}`, { cause: error });
