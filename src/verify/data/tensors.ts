import { stat } from 'node:fs/promises';
import { FunnelError } from '../../errors.ts';
import { unknownName } from '../../known-names.ts';
import type { Tensors, ValueMetadata } from '../../runtime/session.ts';
import { tensorsIn } from '../../serde/tensor-file.ts';
import { readTensorProto } from '../../serde/tensors.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { DataFile, InputSet } from '../inputs.ts';
import { checkFeeds, onlyInput } from './feeds.ts';
import { imageOf, isImage } from './images.ts';
import { type Loading, readData } from './loading.ts';

/** `.npy` for a model with one input, `.npz` and `.safetensors` with tensors by the names of inputs. */
export async function fromTensorFile(path: string, loading: Loading): Promise<InputSet> {
  const { bytes, file } = await readData(path);
  const tensors = await readTensors(bytes, path);
  const feeds = checkFeeds(byInput(tensors, loading.edges.inputs, path), loading.edges.inputs, path);
  return { label: path, source: 'given', files: [file], feeds: () => feeds };
}

async function readTensors(bytes: Uint8Array, path: string): Promise<Map<string, Tensor>> {
  try {
    return await tensorsIn(bytes, path);
  } catch (error) {
    if (!(error instanceof FunnelError) || error.code !== 'E_NOT_TENSORS') throw error;
    const message = `${path}: what is it? data are .npy, .npz, .safetensors, .pb, an image, a folder of them, or a module that makes inputs`;
    throw new FunnelError('E_USAGE', message, { cause: error });
  }
}

/** A `.npy` has no name; `numpy.savez` without names counts: arr_0, arr_1. */
function byInput(tensors: ReadonlyMap<string, Tensor>, inputs: readonly ValueMetadata[], path: string): Tensors {
  const unnamed = tensors.get('');
  if (unnamed) return { [onlyInput(inputs, path).name]: unnamed };
  const counted = inputs.map((_, i) => tensors.get(`arr_${i}`));
  if (counted.length === tensors.size && counted.every(t => t !== undefined))
    return Object.fromEntries(inputs.map(({ name }, i) => [name, counted[i]!]));
  return Object.fromEntries(tensors);
}

/** Files for one input each, `x=a.npy` and `y=b.pb`: together one set. */
export interface Named {
  readonly input: string;
  readonly path: string;
}

/** What `x=file` says; undefined for a mere path, which may have such a sign in it. @throws FunnelError `E_USAGE` for a name that is no input's */
export async function namedFile(what: string, inputs: readonly ValueMetadata[]): Promise<Named | undefined> {
  const at = what.indexOf('=');
  if (at < 0 || (await stat(what).catch(() => undefined))) return undefined;
  const known = inputs.find(({ name }) => what.startsWith(`${name}=`))?.name;
  if (known !== undefined) return { input: known, path: what.slice(known.length + 1) };
  const names = inputs.map(i => i.name);
  throw unknownName('input', what.slice(0, at), names, what);
}

/** One set of named files. @throws FunnelError */
export async function fromNamed(named: readonly Named[], loading: Loading): Promise<InputSet> {
  const label = named.map(({ input, path }) => `${input}=${path}`).join(' ');
  const files: DataFile[] = [];
  const feeds: Record<string, () => Tensor> = {};
  for (const { input, path } of named) {
    if (Object.hasOwn(feeds, input)) throw new FunnelError('E_USAGE', `input '${input}' is given twice: ${label}`);
    const { file, value } = await valueIn(path, loading.edges.inputs.find(i => i.name === input)!, loading);
    files.push(file);
    feeds[input] = value;
  }
  const make = () => Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, value()]));
  checkFeeds(make(), loading.edges.inputs, label);
  return { label, source: 'given', files, feeds: make };
}

async function valueIn(path: string, input: ValueMetadata, loading: Loading): Promise<{ file: DataFile; value: () => Tensor }> {
  const { bytes, file } = await readData(path);
  if (isImage(path)) return { file, value: await imageOf(bytes, path, input, loading) };
  const tensor = path.endsWith('.pb') ? readTensorProto(bytes, path).tensor : (await readTensors(bytes, path)).get('');
  if (!tensor) throw new FunnelError('E_USAGE', `${path} holds tensors with names: give it without ${input.name}=`);
  return { file, value: () => tensor };
}
