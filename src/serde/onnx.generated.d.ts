// Generated from onnx.proto by `npm run generate`. Do not edit.
import type { Message, MessageType } from './wire.js';

export interface ModelProto extends Message {
  readonly ir_version: bigint;
  readonly producer_name: string;
  readonly producer_version: string;
  readonly domain: string;
  readonly model_version: bigint;
  readonly doc_string: string;
  readonly graph: GraphProto | null;
  readonly opset_import: readonly OperatorSetIdProto[];
  readonly metadata_props: readonly StringStringEntryProto[];
  readonly functions: readonly FunctionProto[];
}

export interface OperatorSetIdProto extends Message {
  readonly domain: string;
  readonly version: bigint;
}

export interface StringStringEntryProto extends Message {
  readonly key: string;
  readonly value: string;
}

export interface GraphProto extends Message {
  readonly node: readonly NodeProto[];
  readonly name: string;
  readonly initializer: readonly TensorProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
  readonly value_info: readonly ValueInfoProto[];
  readonly sparse_initializer: readonly SparseTensorProto[];
}

export interface FunctionProto extends Message {
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly string[];
  readonly node: readonly NodeProto[];
  readonly opset_import: readonly OperatorSetIdProto[];
  readonly domain: string;
  readonly attribute_proto: readonly AttributeProto[];
  readonly value_info: readonly ValueInfoProto[];
  readonly overload: string;
  readonly metadata_props: readonly StringStringEntryProto[];
}

export interface NodeProto extends Message {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly op_type: string;
  readonly attribute: readonly AttributeProto[];
  readonly domain: string;
  readonly overload: string;
  readonly metadata_props: readonly StringStringEntryProto[];
}

export interface AttributeProto extends Message {
  readonly name: string;
  readonly f: number;
  readonly i: bigint;
  readonly s: Uint8Array;
  readonly t: TensorProto | null;
  readonly g: GraphProto | null;
  readonly floats: readonly number[];
  readonly ints: readonly bigint[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly TensorProto[];
  readonly graphs: readonly GraphProto[];
  readonly tp: TypeProto | null;
  readonly type_protos: readonly TypeProto[];
  readonly type: number;
  readonly ref_attr_name: string;
  readonly sparse_tensor: SparseTensorProto | null;
}

export interface ValueInfoProto extends Message {
  readonly name: string;
  readonly type: TypeProto | null;
}

export interface TensorProto extends Message {
  readonly dims: readonly bigint[];
  readonly data_type: number;
  readonly name: string;
  readonly external_data: readonly StringStringEntryProto[];
  readonly data_location: number;
}

export interface SparseTensorProto extends Message {
  readonly values: TensorProto | null;
  readonly indices: TensorProto | null;
  readonly dims: readonly bigint[];
}

export interface TypeProto extends Message {
  readonly tensor_type: TensorTypeProto | null;
  readonly sequence_type: ElementTypeProto | null;
  readonly map_type: MapTypeProto | null;
  readonly sparse_tensor_type: TensorTypeProto | null;
  readonly optional_type: ElementTypeProto | null;
}

export interface TensorTypeProto extends Message {
  readonly elem_type: number;
  readonly shape: TensorShapeProto | null;
}

export interface ElementTypeProto extends Message {
  readonly elem_type: TypeProto | null;
}

export interface MapTypeProto extends Message {
  readonly key_type: number;
  readonly value_type: TypeProto | null;
}

export interface TensorShapeProto extends Message {
  readonly dim: readonly DimensionProto[];
}

export interface DimensionProto extends Message {
  readonly dim_value: bigint;
  readonly dim_param: string;
}

export declare const onnx: {
  readonly ModelProto: MessageType<ModelProto>;
  readonly OperatorSetIdProto: MessageType<OperatorSetIdProto>;
  readonly StringStringEntryProto: MessageType<StringStringEntryProto>;
  readonly GraphProto: MessageType<GraphProto>;
  readonly FunctionProto: MessageType<FunctionProto>;
  readonly NodeProto: MessageType<NodeProto>;
  readonly AttributeProto: MessageType<AttributeProto>;
  readonly ValueInfoProto: MessageType<ValueInfoProto>;
  readonly TensorProto: MessageType<TensorProto>;
  readonly SparseTensorProto: MessageType<SparseTensorProto>;
  readonly TypeProto: MessageType<TypeProto>;
  readonly TensorTypeProto: MessageType<TensorTypeProto>;
  readonly ElementTypeProto: MessageType<ElementTypeProto>;
  readonly MapTypeProto: MessageType<MapTypeProto>;
  readonly TensorShapeProto: MessageType<TensorShapeProto>;
  readonly DimensionProto: MessageType<DimensionProto>;
};

/** Of each message: its fields by number. */
export declare const fields: Readonly<
  Record<string, Readonly<Record<number, { readonly name: string; readonly message?: string; readonly repeated?: true }>>>
>;
