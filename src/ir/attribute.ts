import type { Tensor } from '../tensor/tensor.ts';
import type { Graph } from './graph.ts';
import type { ValueType } from './value.ts';

/** The kinds of attribute, under their names in ONNX's textual syntax. */
export type AttributeType = Attribute['type'];

/** What an attribute holds. Integers are int64, floats are float32 values; strings that are not UTF-8 stay bytes. */
export type AttributeValue =
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'ints'; readonly value: readonly bigint[] }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'string'; readonly value: string | Uint8Array }
  | { readonly type: 'strings'; readonly value: readonly (string | Uint8Array)[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  | { readonly type: 'type_proto'; readonly value: ValueType }
  | { readonly type: 'type_protos'; readonly value: readonly ValueType[] }
  /** A function body's reference (`@name`) to an attribute of the function; `of` is the kind it stands for. */
  | { readonly type: 'reference'; readonly value: string; readonly of: string }
  /** A kind this IR does not model (sparse tensors, newer kinds): carried. `dense` is what a sparse tensor stands for. */
  | { readonly type: 'other'; readonly value: undefined; readonly dense?: Tensor };

/** An immutable attribute. `origin` is what the file said beyond the IR (doc string, unknown fields); owned by serde. */
export type Attribute = AttributeValue & { readonly origin?: object };
