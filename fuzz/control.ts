import type { Attribute } from '../src/ir/attribute.ts';
import type { FunctionDef } from '../src/ir/model.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { activation, chain, withConstant, withOther } from './arithmetic.ts';
import { type Block, batchNorm, steadyConv } from './layers.ts';
import { identity } from './views.ts';
import { literal } from './weights.ts';
import { type Made, real, Writer } from './writer.ts';

/** Blocks whose result has the shape of what they take. */
const steady: readonly Block[] = [
  steadyConv,
  steadyConv,
  batchNorm,
  batchNorm,
  withConstant,
  withConstant,
  chain,
  activation,
  activation,
  withOther,
  identity,
];

/** Writes a few steady blocks; the result is computed here. */
function body(writer: Writer, x: Made): Made {
  let result = x;
  const blocks: readonly Block[] = writer.dice.chance(0.06) ? [...steady, branch] : steady;
  for (let left = writer.dice.int(1, 4); left > 0; left--) {
    const next = writer.dice.pick(blocks)(writer, result);
    if (!next || next.dims.join() !== x.dims.join()) continue;
    result = next;
    if (writer.kind !== 'function') writer.pool.push(next);
  }
  return result.value.producer && writer.isLocal(result) ? result : writer.node('Identity', [result], x.dims);
}

function nested(parent: Writer): Writer {
  const writer = new Writer(parent.world, 'nested', parent);
  writer.pool.push(...parent.pool);
  writer.weights.push(...parent.weights);
  return writer;
}

function close(writer: Writer, results: readonly Made[]): void {
  for (const [i, { value, dtype, dims }] of results.entries()) {
    value.type = { kind: 'tensor', dtype, shape: writer.world.symbolic ? undefined : dims };
    writer.graph.setOutput(i, value);
  }
}

/** If: two branches of one shape. */
export const branch: Block = (writer, x) => {
  const { dice, world } = writer;
  if (writer.kind === 'function' || x.dims.length < 2) return undefined;
  const write = () => {
    const inner = nested(writer);
    const from = dice.chance(0.7) ? x : dice.pick(writer.pool.filter(m => m.dims.join() === x.dims.join()).concat(x));
    close(inner, [body(inner, from)]);
    return inner.graph;
  };
  const [then_branch, else_branch] = world.names.besides(write, write);
  const given = conditionOf(writer);
  const condition = given ?? literal(writer, Tensor.of('bool', [], [dice.int(0, 1)]));
  const [result] = writer.emit('', 'If', [condition], [x.dims], { then_branch, else_branch }, world.dtype);
  return result;
};

/** An input that decides, where the network has one. */
function conditionOf(writer: Writer): Made | undefined {
  let main = writer;
  while (main.parent) main = main.parent;
  const value = main.graph.inputs.find(v => v.dtype === 'bool');
  return value && writer.dice.chance(0.6) ? { value, dims: [], dtype: 'bool' } : undefined;
}

/** Loop: a value goes round. */
export const loop: Block = (writer, x) => {
  const { dice, world } = writer;
  const { names, dtype } = world;
  if (writer.kind !== 'main' || world.opset < 11) return undefined;
  const inner = nested(writer);
  inner.graph.addInput(names.fresh('i'), { kind: 'tensor', dtype: 'int64', shape: [] });
  const again = {
    value: inner.graph.addInput(names.fresh('again'), { kind: 'tensor', dtype: 'bool', shape: [] }),
    dims: [],
    dtype: 'bool',
  } as const;
  const carried = inner.graph.addInput(names.fresh('carried'), { kind: 'tensor', dtype, shape: world.symbolic ? undefined : x.dims });
  const result = body(inner, { value: carried, dims: x.dims, dtype });
  const bounded = inner.node('Clip', [result, ...[-4, 4].map(n => literal(inner, Tensor.of(dtype, [], [n])))], x.dims);
  close(inner, [inner.node('Identity', [again], [], {}, 'bool'), dtype === 'float' || world.opset >= 12 ? bounded : result]);
  const trips = writer.store(Tensor.of('int64', [], [BigInt(dice.int(1, 3))]), 'trips');
  const yes = writer.store(Tensor.of('bool', [], [1]), 'yes');
  return writer.emit('', 'Loop', [trips, yes, x], [x.dims], { body: inner.graph }, dtype)[0]!;
};

/** A function of the model's own, called once or twice with weights of its own each time. */
export const call: Block = (writer, x) => {
  const { dice, world } = writer;
  const { names, opsets, irVersion } = world;
  if (irVersion < 8 || writer.kind === 'function' || x.dims.length < 2) return undefined;
  const inner = new Writer(world, 'function');
  const input = { ...x, value: inner.graph.addInput(names.fresh('x')) };
  const slope: Attribute = { type: 'reference', value: 'slope', of: 'float' };
  const leaky = dice.chance(0.4);
  const first = leaky ? inner.node('LeakyRelu', [input], x.dims, { alpha: slope }) : input;
  const result = body(inner, first);
  inner.graph.setOutput(0, result.value);
  const definition: FunctionDef = {
    domain: 'local',
    name: `Block${world.functions.length}`,
    overload: '',
    attributes: leaky ? ['slope'] : [],
    defaults: new Map(),
    opsets: new Map(opsets),
    body: inner.graph,
    metadata: new Map(),
  };
  opsets.set('local', 1);
  if ([...inner.graph.allNodes()].some(node => node.op.domain === 'local')) definition.opsets.set('local', 1);
  world.functions.push(definition);
  let made = x;
  for (let left = dice.int(1, 2); left > 0; left--) {
    const weights = inner.parameters.map(({ tensor }) => literal(writer, tensor));
    made = writer.emit(
      'local',
      definition.name,
      [made, ...weights],
      [x.dims],
      leaky ? { slope: real(dice.pick([0.1, 0.2])) } : {},
      x.dtype,
    )[0]!;
  }
  return made;
};
