import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FunnelError } from '../../errors.ts';
import { reason } from '../../serde/file.ts';
import { isModule } from '../../serde/module-file.ts';
import type { InputSet } from '../inputs.ts';
import { fromGenerator, fromModule, type InputGenerator } from './generator.ts';
import { fromImage, fromImages, isImage } from './images.ts';
import { firstOf, type Loading } from './loading.ts';
import { fromNamed, fromTensorFile, type Named, namedFile } from './tensors.ts';
import { fromTensorProto, fromTestData, isTestData, testDataFolders } from './test-data.ts';

/**
 * Inputs of the caller's: a set, a generator, or a path:
 * - `.npy`, for a model with one input; `.npz` or `.safetensors`, whose names are the inputs';
 * - a folder of ONNX's test data (`input_0.pb`, …), or one that holds several (`test_data_set_0`, …); a single `.pb`;
 * - an image, or a folder of images: one set for each;
 * - a module, TypeScript or JavaScript, whose default export is a generator;
 * - `x=a.npy`: a file for the input `x`; all of these together make one set.
 */
export type Data = InputSet | InputGenerator | string;

/** @throws FunnelError for what can't be read, or does not fit the model */
export async function loadData(data: readonly Data[], loading: Loading): Promise<InputSet[]> {
  const sets: InputSet[] = [];
  const named: Named[] = [];
  for (const item of data) {
    if (typeof item !== 'string') {
      sets.push(...(isSet(item) ? [item] : await fromGenerator(item, 'the generator', loading)));
      continue;
    }
    const one = await namedFile(item, loading.edges.inputs);
    if (one) named.push(one);
    else sets.push(...(await fromPath(item, loading)));
  }
  return named.length > 0 ? [...sets, await fromNamed(named, loading)] : sets;
}

const isSet = (item: InputSet | InputGenerator): item is InputSet => 'feeds' in item && typeof item.feeds === 'function';

async function fromPath(path: string, loading: Loading): Promise<readonly InputSet[]> {
  const names = await namesIn(path);
  if (names) return fromFolder(path, names, loading);
  if (isModule(path)) return fromModule(path, loading);
  if (isImage(path)) return [await fromImage(path, loading)];
  if (path.endsWith('.pb')) return [await fromTensorProto(path, loading)];
  return [await fromTensorFile(path, loading)];
}

async function fromFolder(folder: string, names: readonly string[], loading: Loading): Promise<readonly InputSet[]> {
  if (isTestData(names)) return [await fromTestData(folder, names, loading)];
  const inner = testDataFolders(names);
  if (inner.length > 0) {
    const sets: InputSet[] = [];
    for (const name of firstOf(inner, 'test data sets', folder, loading)) {
      const path = join(folder, name);
      const inside = (await namesIn(path)) ?? [];
      if (!isTestData(inside)) throw new FunnelError('E_USAGE', `${path}: there is no input_0.pb in it`);
      sets.push(await fromTestData(path, inside, loading));
    }
    return sets;
  }
  if (names.some(isImage)) return fromImages(folder, names, loading);
  const what = names.length === 0 ? 'is empty' : "holds neither images nor ONNX's test data (input_0.pb, or test_data_set_0)";
  throw new FunnelError('E_USAGE', `${folder}: the folder ${what}`);
}

/** The names in a folder; undefined for a file. @throws FunnelError E_READ */
async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    if (path === '-' || !(await stat(path)).isDirectory()) return undefined;
    return await readdir(path);
  } catch (error) {
    throw new FunnelError('E_READ', `can't read ${path}: ${reason(error)}`, { cause: error });
  }
}
