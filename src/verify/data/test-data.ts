import { join } from 'node:path';
import { FunnelError } from '../../errors.ts';
import type { Tensors, ValueMetadata } from '../../runtime/session.ts';
import { readTensorProto } from '../../serde/tensors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { DataFile, InputSet } from '../inputs.ts';
import { checkFeeds } from './feeds.ts';
import { inOrder, type Loading, readData } from './loading.ts';

/** Folders of ONNX's test data inside a folder, by their names. */
export const testDataFolders = (names: readonly string[]): string[] => inOrder(names.filter(name => /^test_data_set_\d+$/.test(name)));

/** Whether a folder with these names in it is one: of a model without inputs, with outputs alone. */
export const isTestData = (names: readonly string[]): boolean => names.some(name => /^(input|output)_\d+\.pb$/.test(name));

/** ONNX's test data: `input_0.pb` and its like, and what A should make of them, `output_0.pb`, where that was stored. */
export async function fromTestData(folder: string, names: readonly string[], loading: Loading): Promise<InputSet> {
  const read = (what: 'input' | 'output') =>
    readAll(
      inOrder(names.filter(name => new RegExp(`^${what}_\\d+\\.pb$`).test(name))).map(name => join(folder, name)),
      loading.edges[`${what}s`],
      what,
    );
  const [inputs, outputs] = [await read('input'), await read('output')];
  const feeds = checkFeeds(inputs.values, loading.edges.inputs, folder);
  const files = [...inputs.files, ...outputs.files];
  return { label: folder, source: 'given', files, feeds: () => feeds, ...(outputs.files.length > 0 && { outputs: outputs.values }) };
}

/** A single `.pb` file. */
export async function fromTensorProto(path: string, loading: Loading): Promise<InputSet> {
  const { files, values } = await readAll([path], loading.edges.inputs, 'input');
  const feeds = checkFeeds(values, loading.edges.inputs, path);
  return { label: path, source: 'given', files, feeds: () => feeds };
}

interface Stored {
  readonly files: readonly DataFile[];
  readonly values: Tensors;
}

/** Names inside the files count where all of them are the model's; else, as for ONNX's own test runner, positions do. */
async function readAll(paths: readonly string[], edges: readonly ValueMetadata[], what: 'input' | 'output'): Promise<Stored> {
  const files: DataFile[] = [];
  const found: { readonly name: string; readonly tensor: Tensor }[] = [];
  for (const path of paths) {
    const { bytes, file } = await readData(path);
    files.push(file);
    found.push(readTensorProto(bytes, path));
  }
  const known = new Set(edges.map(e => e.name));
  const names = found.map(f => f.name);
  const byName = names.every(name => known.has(name)) && new Set(names).size === names.length;
  if (!byName && found.length > edges.length)
    throw new FunnelError('E_USAGE', `${paths[edges.length]}: the model has only ${edges.length} ${what}${edges.length === 1 ? '' : 's'}`);
  const values = Object.fromEntries(found.map(({ name, tensor }, i) => [byName ? name : edges[i]!.name, tensor]));
  return { files, values };
}
