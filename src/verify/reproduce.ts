import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '../ir/model.ts';
import { Names } from '../ir/names.ts';
import type { Value } from '../ir/value.ts';
import { write, writeBytes } from '../serde/model-file.ts';
import { encodeTensor } from '../serde/tensors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { again, type Cut, cut } from './cut.ts';
import { producer, testData, unwritable } from './failures-folder.ts';
import type { Segment } from './shared-values.ts';

/**
 * Writes the smallest subgraphs that differ, `a.onnx` and `b.onnx`, of the same interface, and what they are to be fed with, in the
 * layout of ONNX's test data: `test_data_set_0/input_<i>.pb`, and A's result as `output_0.pb`. Returns the folder.
 * Inputs have A's names.
 * @param twins values of B and the values of A that they stand for
 * @param values of A's starting points and of B's, and of the value that A arrives at
 * @throws FunnelError `E_WRITE`
 */
export async function writeFailure(
  folder: string,
  number: number | undefined,
  a: Model,
  b: Model,
  { a: before, b: after, nodes, from, before: { nodes: nodesOfA, from: fromOfA } }: Segment,
  twins: ReadonlyMap<Value, Value>,
  values: ReadonlyMap<Value, Tensor>,
): Promise<string> {
  const into = number === undefined ? folder : join(folder, String(number));
  const data = join(into, testData);
  await mkdir(data, { recursive: true }).catch(error => {
    throw unwritable(data, error);
  });
  const ofA = cut(a, nodesOfA, only(fromOfA, values), [before]);
  const ofB = cut(b, nodes, only(from, values), [after]);
  const feeds = new Map([...fromOfA, ...from].map(v => [(twins.get(v) ?? v).name, values.get(v)!]));
  const result = feeds.has(after.name) ? `${after.name}${again}` : after.name;
  for (const part of [ofA, ofB]) {
    conform(part, twins, feeds, result);
    part.model.producerName = producer;
  }
  await write(ofA.model, join(into, 'a.onnx'));
  await write(ofB.model, join(into, 'b.onnx'));
  for (const [i, [name, tensor]] of [...feeds].entries()) await writeBytes(join(data, `input_${i}.pb`), [encodeTensor(tensor, name)]);
  await writeBytes(join(data, 'output_0.pb'), [encodeTensor(values.get(before)!, result)]);
  return into;
}

/** What a cut starts from, and nothing behind it. */
function only(from: readonly Value[], values: ReadonlyMap<Value, Tensor>): ReadonlyMap<Value, Tensor> {
  return new Map(from.map(v => [v, values.get(v)!]));
}

/** Both parts take the same inputs in the same order, whether they use them or not, and give one result of one name. */
function conform({ model, inputs }: Cut, twins: ReadonlyMap<Value, Value>, feeds: ReadonlyMap<string, Tensor>, result: string): void {
  const { graph } = model;
  const byName = new Map(graph.inputs.map(v => [v.name, v]));
  const own = new Map([...inputs].map(([value, name]) => [(twins.get(value) ?? value).name, byName.get(name)!]));
  graph.inputs.length = 0;
  for (const [name, { dtype, dims }] of feeds) {
    const input = own.get(name);
    if (input) {
      input.name = name;
      graph.inputs.push(input);
    } else graph.addInput(name, { kind: 'tensor', dtype, shape: dims });
  }
  // A name that an input, or the result, has now may be that of a weight, or of something on the way.
  const output = graph.outputs[0]!;
  output.name = result;
  const names = new Names(model);
  const others = [...graph.constants, ...[...graph.nodes()].flatMap(node => node.outputs)].filter(v => v !== output);
  for (const value of others) if (feeds.has(value.name) || value.name === result) value.name = names.fresh(value.name);
}
