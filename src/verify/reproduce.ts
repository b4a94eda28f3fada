import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FunnelError } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import { reason } from '../serde/file.ts';
import { write, writeBytes } from '../serde/model-file.ts';
import { encodeTensor } from '../serde/tensors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Cut, cut } from './cut.ts';
import type { Segment } from './shared-values.ts';

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
  const data = join(into, 'test_data_set_0');
  await mkdir(data, { recursive: true }).catch(error => {
    throw new FunnelError('E_WRITE', `can't make the folder ${data}: ${reason(error)}`, { cause: error });
  });
  const ofA = cut(a, nodesOfA, only(fromOfA, values), [before]);
  const ofB = cut(b, nodes, only(from, values), [after]);
  const feeds = new Map([...feedsOf(ofA, values), ...feedsOf(ofB, values)]);
  for (const part of [ofA, ofB]) {
    conform(part, feeds);
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
