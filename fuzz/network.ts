import { bareModel, type Model } from '../src/ir/model.ts';
import { Node } from '../src/ir/node.ts';
import type { Dim, ValueType } from '../src/ir/value.ts';
import { activation, activations, chain, spelled, stretched, withConstant, withOther } from './arithmetic.ts';
import { branch, call, loop } from './control.ts';
import { Dice } from './dice.ts';
import { type Block, batchNorm, conv, convTranspose, gemm, matMul, pad, pool } from './layers.ts';
import { again, bounds, padded, quantised, sum, swish } from './pairs.ts';
import {
  cast,
  channelsLast,
  concat,
  dropout,
  expand,
  flatten,
  identity,
  reshape,
  shapeChain,
  slice,
  split,
  squeeze,
  transpose,
  unsqueeze,
} from './views.ts';
import { makeWorld, type World } from './world.ts';
import { type Made, Writer } from './writer.ts';

/** The same thing twice, for common subexpressions: both results are used. */
const twice: Block = (writer, x) => {
  const node = x.value.producer;
  const { names, dice } = writer.world;
  if (!node || node.graph !== writer.graph || node.outputs.length !== 1 || [...node.subgraphs()].length > 0) return undefined;
  const copy = new Node(node.op, node.inputs, [{ name: names.fresh('copy'), type: x.value.type }], { attributes: node.attributes });
  writer.graph.append(copy);
  return writer.node(dice.pick(['Add', 'Sub', 'Mul']), [x, { ...x, value: copy.outputs[0]! }], x.dims);
};

/** A layer with what folds into it around it, in any order: what these passes are for. */
const surrounded: Block = (writer, x) => {
  const { dice } = writer;
  const around: readonly Block[] = [
    batchNorm,
    batchNorm,
    withConstant,
    withConstant,
    pad,
    flatten,
    reshape,
    transpose,
    identity,
    stretched,
  ];
  const layers: readonly Block[] = [conv, conv, conv, convTranspose, gemm, gemm, matMul, pool];
  let result = x;
  const write = (choices: readonly Block[]) => {
    for (let tries = 0; tries < 4; tries++) {
      const made = dice.pick(choices)(writer, result);
      if (made) {
        result = made;
        return;
      }
    }
  };
  for (let left = dice.int(0, 2); left > 0; left--) write(around);
  write(layers);
  for (let left = dice.int(1, 2); left > 0; left--) write(around);
  return result === x ? undefined : result;
};

/** Blocks and how often each is tried. */
const blocks: readonly (readonly [Block, number])[] = [
  [surrounded, 30],
  [conv, 8],
  [convTranspose, 4],
  [gemm, 8],
  [matMul, 5],
  [batchNorm, 8],
  [withConstant, 12],
  [stretched, 2],
  [chain, 3],
  [again, 6],
  [bounds, 3],
  [swish, 2],
  [sum, 1],
  [padded, 5],
  [quantised, 2],
  [withOther, 4],
  [activation, 7],
  [activations, 2],
  [spelled, 3],
  [pad, 6],
  [pool, 4],
  [identity, 2],
  [dropout, 2],
  [cast, 2],
  [flatten, 4],
  [reshape, 3],
  [shapeChain, 2],
  [transpose, 3],
  [channelsLast, 2],
  [squeeze, 2],
  [unsqueeze, 2],
  [slice, 2],
  [concat, 3],
  [split, 3],
  [expand, 2],
  [branch, 3],
  [loop, 1],
  [call, 3],
  [twice, 2],
];
const bag = blocks.flatMap(([block, weight]) => Array.from({ length: weight }, () => block));

/** The random network of a seed. */
export function makeNetwork(seed: string): Model {
  const dice = new Dice(seed);
  const world = makeWorld(dice);
  const writer = new Writer(world, 'main');
  writeInputs(writer);
  const wanted = dice.int(1, 7);
  for (let done = 0, tries = 0; done < wanted && tries < 80; tries++) {
    const x = dice.chance(0.85) ? writer.pool.at(-1)! : dice.pick(writer.pool);
    const made = dice.pick(bag)(writer, x);
    if (!made) continue;
    writer.pool.push(made);
    done++;
  }
  chooseOutputs(writer);
  return modelOf(writer);
}

function writeInputs(writer: Writer): void {
  const { dice, world } = writer;
  const { dtype, symbolic, names } = world;
  const batch = symbolic ? 2 : dice.pick([1, 1, 2, 3]);
  const add = (dims: readonly number[]) => {
    const shape: Dim[] = symbolic ? ['N', ...dims.slice(1)] : [...dims];
    const value = writer.graph.addInput(names.fresh('x'), { kind: 'tensor', dtype, shape });
    writer.pool.push({ value, dims, dtype });
  };
  const rank = dice.pick([2, 3, 4, 4, 4, 4, 4, 5]);
  if (dice.chance(0.3)) writer.graph.addInput(names.fresh('flag'), { kind: 'tensor', dtype: 'bool', shape: [] });
  const dims = [batch, dice.pick([1, 2, 3, 4, 6, 8]), ...Array.from({ length: rank - 2 }, () => dice.int(1, rank === 5 ? 5 : 9))];
  // Channels as many as rows or columns: what lies along the wrong axis fits all the same.
  if (rank > 2 && dice.chance(0.25)) dims[dice.int(2, rank - 1)] = dims[1]!;
  if (dice.chance(0.2)) add(dims);
  add(dims);
}

/** The last value, and others now and then: inner ones, inputs, weights. */
function chooseOutputs(writer: Writer): void {
  const { dice, graph, world } = writer;
  const chosen = new Set<Made>([writer.pool.at(-1)!, ...dice.some(writer.pool, 0.12)]);
  const shared = writer.weights.filter(m => m.dtype === world.dtype && (m.value.constant || m.value.producer));
  if (shared.length > 0 && dice.chance(0.08)) chosen.add(dice.pick(shared));
  let results = [...chosen].filter(m => m.value.definition.kind !== 'input');
  if (results.length === 0) results = [writer.node('Identity', [writer.pool.at(-1)!], writer.pool.at(-1)!.dims)];
  for (const [i, made] of results.entries()) {
    made.value.type = outputType(made, world);
    graph.setOutput(i, made.value);
  }
}

/** A constant says its own type; of a network with a symbol nothing is known but the element type. */
function outputType({ value, dims, dtype }: Made, { symbolic }: World): ValueType {
  return { kind: 'tensor', dtype, shape: symbolic && !value.constant ? undefined : dims };
}

function modelOf({ world, graph }: Writer): Model {
  const { irVersion, opsets, functions } = world;
  return bareModel({ irVersion, opsets, functions, graph });
}
