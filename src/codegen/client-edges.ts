import { FunnelError } from '../errors.ts';
import { closeFactRuntime } from '../infer/runtime.ts';
import { inferTypes } from '../infer/types.ts';
import type { Model } from '../ir/model.ts';
import type { Dim, Value } from '../ir/value.ts';
import type { DType } from '../tensor/dtype.ts';

/** What onnxruntime-node calls an element type, and the class that holds its elements. */
interface ElementType {
  readonly type: string;
  readonly array: string;
}

/** The element types that onnxruntime-node can be fed with. */
const elementTypes: Partial<Readonly<Record<DType, ElementType>>> = {
  float: { type: 'float32', array: 'Float32Array' },
  double: { type: 'float64', array: 'Float64Array' },
  float16: { type: 'float16', array: 'Uint16Array' },
  int8: { type: 'int8', array: 'Int8Array' },
  int16: { type: 'int16', array: 'Int16Array' },
  int32: { type: 'int32', array: 'Int32Array' },
  int64: { type: 'int64', array: 'BigInt64Array' },
  uint8: { type: 'uint8', array: 'Uint8Array' },
  uint16: { type: 'uint16', array: 'Uint16Array' },
  uint32: { type: 'uint32', array: 'Uint32Array' },
  uint64: { type: 'uint64', array: 'BigUint64Array' },
  bool: { type: 'bool', array: 'Uint8Array' },
  string: { type: 'string', array: 'Array' },
};

/** An input or output as a client needs it. */
export interface Edge extends ElementType {
  readonly name: string;
  readonly dtype: DType;
  /** Undefined: of any rank. */
  readonly shape: readonly Dim[] | undefined;
}

export interface Edges {
  readonly inputs: readonly Edge[];
  readonly outputs: readonly Edge[];
  /** Initializers that a caller might override elsewhere: onnxruntime-node drops what is fed for them without a word. */
  readonly overridable: readonly string[];
}

/** The edges of a model. @throws FunnelError `E_INTERFACE` for what onnxruntime-node can't take or give. */
export async function edgesOf(model: Model): Promise<Edges> {
  const { inputs, outputs } = model.graph;
  const unknown = outputs.some(o => o.type === undefined || (o.type.kind === 'tensor' && o.shape === undefined));
  const failure = unknown ? await inferTypes(model).finally(closeFactRuntime) : undefined;
  const isOverridable = ({ definition }: Value) => definition.kind === 'input' && definition.fallback !== undefined;
  return {
    inputs: inputs.filter(v => !isOverridable(v)).map(v => edgeOf(v, 'input')),
    outputs: [...new Set(outputs)].map(v => edgeOf(v, 'output', failure?.message)),
    overridable: inputs.filter(isOverridable).map(v => v.name),
  };
}

function edgeOf(value: Value, role: 'input' | 'output', why = 'the model does not declare it'): Edge {
  const { name, type, dtype, shape } = value;
  const refuse = (message: string) => new FunnelError('E_INTERFACE', `${role} '${name}' ${message}`);
  const verb = role === 'input' ? "can't be fed with" : "can't give";
  if (type && type.kind !== 'tensor') throw refuse(`is ${kinds[type.kind]}, which onnxruntime-node ${verb}`);
  if (dtype === undefined) throw refuse(`has no known type: ${why}`);
  const element = elementTypes[dtype];
  if (!element) throw refuse(`is of ${dtype}, which onnxruntime-node ${verb}`);
  // It makes an object of outputs by assignment, which sets the prototype in this one case.
  if (role === 'output' && name === '__proto__') throw refuse(`has a name that onnxruntime-node ${verb}`);
  return { name, dtype, shape, ...element };
}

const kinds = {
  sparse: 'a sparse tensor',
  sequence: 'a sequence',
  optional: 'an optional value',
  map: 'a map',
  other: 'no tensor',
} as const;
