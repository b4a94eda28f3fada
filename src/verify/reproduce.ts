import { constants } from 'node:fs';
import { access, mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FunnelError } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import { reason } from '../serde/file.ts';
import { read, write, writeBytes } from '../serde/model-file.ts';
import { encodeTensor } from '../serde/tensors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Cut, cut } from './cut.ts';
import type { Segment } from './shared-values.ts';

/** What the models in a folder say of where they come from: only these may be replaced. */
const producer = 'onnx-funnel --failures';

const models = ['a.onnx', 'b.onnx'];
const testData = 'test_data_set_0';

/**
 * Looks before the work whether subgraphs that differ can be written into a folder.
 * @throws FunnelError `E_WRITE` where it can't be made, or holds models or data that are not of an earlier run
 */
export async function checkFailures(folder: string): Promise<void> {
  const numbered = (await namesIn(folder)).filter(name => /^\d+$/.test(name)).map(name => join(folder, name));
  for (const into of [folder, ...numbered]) await refuseForeign(into);
  await access(await existing(folder), constants.W_OK).catch(error => {
    throw unwritable(folder, error);
  });
}

/** @throws FunnelError `E_WRITE` where something in a folder would be lost */
async function refuseForeign(folder: string): Promise<void> {
  const names = await namesIn(folder);
  const found = models.filter(name => names.includes(name));
  const foreign = found.length === 0 ? [testData].filter(name => names.includes(name)) : [];
  for (const name of found) if (!(await isOurs(join(folder, name)))) foreign.push(name);
  const [first] = foreign;
  if (first !== undefined)
    throw new FunnelError('E_WRITE', `${join(folder, first)} would be overwritten: give --failures another folder, or remove it`);
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

const unwritable = (folder: string, error: unknown) =>
  new FunnelError('E_WRITE', `can't write into the folder ${folder}: ${reason(error)}`, { cause: error });

/**
 * Writes the smallest subgraphs that differ, `a.onnx` and `b.onnx`, of the same interface, and what they are to be fed with, in the
 * layout of ONNX's test data: `test_data_set_0/input_<i>.pb`, and A's result as `output_0.pb`. Returns the folder.
 * @param values of A's starting points and of B's, and of the value that A arrives at
 * @throws FunnelError `E_WRITE`
 */
export async function writeFailure(
  folder: string,
  number: number | undefined,
  a: Model,
  b: Model,
  { a: before, b: after, nodes, from, before: { nodes: nodesOfA, from: fromOfA } }: Segment,
  values: ReadonlyMap<Value, Tensor>,
): Promise<string> {
  const into = number === undefined ? folder : join(folder, String(number));
  await refuseForeign(into);
  const data = join(into, testData);
  await mkdir(data, { recursive: true }).catch(error => {
    throw unwritable(data, error);
  });
  // What an earlier run fed may be more than this one does.
  for (const name of await namesIn(data)) if (/^(?:in|out)put_\d+\.pb$/.test(name)) await unlink(join(data, name));
  const ofA = cut(a, nodesOfA, only(fromOfA, values), [before]);
  const ofB = cut(b, nodes, only(from, values), [after]);
  const feeds = new Map([...feedsOf(ofA, values), ...feedsOf(ofB, values)]);
  for (const part of [ofA, ofB]) {
    conform(part, feeds);
    part.model.producerName = producer;
    part.model.graph.outputs[0]!.name = after.name;
  }
  await write(ofA.model, join(into, 'a.onnx'));
  await write(ofB.model, join(into, 'b.onnx'));
  for (const [i, [name, tensor]] of [...feeds].entries()) await writeBytes(join(data, `input_${i}.pb`), [encodeTensor(tensor, name)]);
  await writeBytes(join(data, 'output_0.pb'), [encodeTensor(values.get(before)!, after.name)]);
  return into;
}

/** What a cut starts from, and nothing behind it. */
function only(from: readonly Value[], values: ReadonlyMap<Value, Tensor>): ReadonlyMap<Value, Tensor> {
  return new Map(from.map(v => [v, values.get(v)!]));
}

function feedsOf({ inputs }: Cut, values: ReadonlyMap<Value, Tensor>): [string, Tensor][] {
  return [...inputs].map(([value, name]) => [name, values.get(value)!]);
}

/** Both parts take the same inputs in the same order, whether they use them or not. */
function conform({ model: { graph } }: Cut, feeds: ReadonlyMap<string, Tensor>): void {
  const own = new Map(graph.inputs.map(v => [v.name, v]));
  graph.inputs.length = 0;
  for (const [name, { dtype, dims }] of feeds) {
    const input = own.get(name);
    if (input) graph.inputs.push(input);
    else graph.addInput(name, { kind: 'tensor', dtype, shape: dims });
  }
}
