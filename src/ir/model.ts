import type { Attribute } from './attribute.ts';
import type { Graph } from './graph.ts';

/** A model-local function (FunctionProto). Its body's inputs and outputs are its signature; attributes are referred to by `@name`. */
export interface FunctionDef {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  /** Attributes that every call must give. */
  readonly attributes: readonly string[];
  /** Attributes with a default. */
  readonly defaults: ReadonlyMap<string, Attribute>;
  /** Operator set versions the body is written in: domain → version. */
  readonly opsets: Map<string, number>;
  readonly body: Graph;
  readonly metadata: ReadonlyMap<string, string>;
  readonly origin?: object | undefined;
}

/** A whole model. Domain '' stands for `ai.onnx` throughout. */
export interface Model {
  irVersion: number;
  /** Imported operator sets: domain → version. */
  readonly opsets: Map<string, number>;
  producerName: string;
  producerVersion: string;
  domain: string;
  modelVersion: bigint;
  doc: string;
  readonly metadata: Map<string, string>;
  graph: Graph;
  readonly functions: FunctionDef[];
  /** What the file said beyond the IR (training info, unknown fields), and its bytes; owned by serde. */
  readonly origin?: object | undefined;
}

/** A model that says nothing of itself: what was cut out of another, to be run or looked at. */
export function bareModel(parts: Pick<Model, 'irVersion' | 'opsets' | 'functions' | 'graph'>): Model {
  return { ...parts, producerName: '', producerVersion: '', domain: '', modelVersion: 0n, doc: '', metadata: new Map() };
}

/** A model's graph and its functions' bodies, each with the operator sets it is written in. */
export function* bodies(
  model: Model,
): Generator<{ readonly graph: Graph; readonly opsets: Map<string, number>; readonly function?: FunctionDef }> {
  yield { graph: model.graph, opsets: model.opsets };
  for (const f of model.functions) yield { graph: f.body, opsets: f.opsets, function: f };
}

/** `domain:name[:overload]` of an operator or function, the key under which a call finds its function. */
export function functionKey(op: { readonly domain: string; readonly name: string; readonly overload: string }): string {
  return `${op.domain}:${op.name}:${op.overload}`;
}

/** Before IR version 4 every initializer is an input of its graph too, and still a constant; since then such inputs are overridable. */
export function initializersAreInputs(irVersion: number): boolean {
  return irVersion < 4;
}
