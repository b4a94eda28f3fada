import type { Attribute } from '../src/ir/attribute.ts';
import { Graph } from '../src/ir/graph.ts';
import { Node } from '../src/ir/node.ts';
import { opOf } from '../src/ir/op.ts';
import type { Value, ValueType } from '../src/ir/value.ts';
import { sizeOf } from '../src/tensor/broadcast.ts';
import { codeOfDtype, type DType } from '../src/tensor/dtype.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import type { Dice } from './dice.ts';
import type { World } from './world.ts';

/** A value, and the shape it has when the batch is what the input's first dimension says. */
export interface Made {
  readonly value: Value;
  readonly dims: readonly number[];
  readonly dtype: DType;
}

/** A float attribute; numbers alone are integers. */
export class Real {
  readonly value: number | readonly number[];
  constructor(value: number | readonly number[]) {
    this.value = value;
  }
}
export const real = (value: number | readonly number[]): Real => new Real(value);

export type Attributes = Readonly<Record<string, number | readonly number[] | string | Real | Tensor | Graph | Attribute | undefined>>;

/** Writes nodes into one graph: the main one, a nested one, or a function's body. */
export class Writer {
  readonly world: World;
  readonly graph: Graph;
  readonly kind: 'main' | 'nested' | 'function';
  readonly parent: Writer | undefined;
  /** Values of the network's float type that the next operator may take, newest last. */
  readonly pool: Made[] = [];
  /** Weights that may be used again. */
  readonly weights: Made[] = [];
  /** What a call of the function must give for inputs that stand for weights. */
  readonly parameters: { readonly value: Value; readonly tensor: Tensor }[] = [];

  constructor(world: World, kind: Writer['kind'], parent?: Writer) {
    this.world = world;
    this.graph = new Graph(world.names.fresh(kind === 'main' ? 'g' : 'body'));
    this.kind = kind;
    this.parent = parent;
  }

  get dice(): Dice {
    return this.world.dice;
  }

  /** Whether `value` is seen here without a capture. */
  isLocal(made: Made): boolean {
    return made.value.owner === this.graph;
  }

  /** Writes a node and gives its results, one for each entry of `dims`. */
  nodes(
    op: string,
    inputs: readonly (Made | undefined)[],
    dims: readonly (readonly number[])[],
    attributes: Attributes = {},
    dtype?: DType,
  ): Made[] {
    return this.emit('', op, inputs, dims, attributes, dtype);
  }

  /** Writes a node of one result. */
  node(op: string, inputs: readonly (Made | undefined)[], dims: readonly number[], attributes: Attributes = {}, dtype?: DType): Made {
    return this.nodes(op, inputs, [dims], attributes, dtype)[0]!;
  }

  emit(
    domain: string,
    op: string,
    inputs: readonly (Made | undefined)[],
    dims: readonly (readonly number[])[],
    attributes: Attributes = {},
    dtype: DType = inputs[0]?.dtype ?? this.world.dtype,
  ): Made[] {
    const { names, opsets, dice } = this.world;
    const node = new Node(
      opOf(domain, op, '', opsets),
      inputs.map(made => made?.value),
      dims.map(shape => ({ name: names.fresh(op, this.kind === 'nested'), type: this.#declared(shape, dtype) })),
      { name: dice.chance(0.4) ? `node ${op} ${this.graph.size}` : '', attributes: attributesOf(attributes) },
    );
    this.graph.append(node);
    return node.outputs.map((value, i) => ({ value, dims: dims[i]!, dtype }));
  }

  /** An initializer, or a Constant node where there can be none. */
  store(tensor: Tensor, hint = 'w'): Made {
    const { irVersion, names } = this.world;
    const settled = tensor.settle();
    if (this.kind === 'function' || (this.kind === 'nested' && irVersion < 4))
      return this.node('Constant', [], tensor.dims, { value: settled }, tensor.dtype);
    return { value: this.graph.addConstant(names.fresh(hint, this.kind === 'nested'), settled), dims: tensor.dims, dtype: tensor.dtype };
  }

  /** An integer vector or scalar, as operators take for shapes and axes. */
  integers(values: readonly number[], dims: readonly number[] = [values.length]): Made {
    const { dice, world } = this;
    const tensor = Tensor.of('int64', dims, values.map(BigInt));
    if (world.opset >= 12 && dims.length === 1 && dice.chance(0.2)) return this.node('Constant', [], dims, { value_ints: values }, 'int64');
    if (dice.chance(0.2)) return this.node('Constant', [], dims, { value: tensor }, 'int64');
    return this.store(tensor, 'shape');
  }

  #declared(dims: readonly number[], dtype: DType): ValueType | undefined {
    const { symbolic, dice } = this.world;
    return !symbolic && this.kind !== 'function' && dice.chance(0.2) ? { kind: 'tensor', dtype, shape: dims } : undefined;
  }
}

function attributesOf(attributes: Attributes): Map<string, Attribute> {
  const result = new Map<string, Attribute>();
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) result.set(name, attributeOf(value));
  return result;
}

function attributeOf(value: NonNullable<Attributes[string]>): Attribute {
  if (typeof value === 'number') return { type: 'int', value: BigInt(value) };
  if (typeof value === 'string') return { type: 'string', value };
  if (value instanceof Tensor) return { type: 'tensor', value };
  if (value instanceof Graph) return { type: 'graph', value };
  if (value instanceof Real)
    return typeof value.value === 'number'
      ? { type: 'float', value: Math.fround(value.value) }
      : { type: 'floats', value: (value.value as readonly number[]).map(Math.fround) };
  if (Array.isArray(value)) return { type: 'ints', value: (value as readonly number[]).map(BigInt) };
  return value as Attribute;
}

/** The code of an element type, as Cast wants it. */
export const typeCode = (dtype: DType): number => codeOfDtype(dtype);

/** A tensor of random numbers of about 1, negative ones among them. */
export function randomTensor(writer: Writer, dims: readonly number[], scale = 1): Tensor {
  const { dice, dtype } = writer.world;
  return Tensor.of(
    dtype,
    dims,
    dice.normal(sizeOf(dims)).map(x => x * scale),
  );
}

/** A tensor of numbers evenly spread. */
export const spreadTensor = (writer: Writer, dims: readonly number[], low: number, high: number): Tensor =>
  Tensor.of(writer.world.dtype, dims, writer.dice.spread(sizeOf(dims), low, high));
