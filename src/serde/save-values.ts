import type { Graph } from '../ir/graph.ts';
import { initializersAreInputs } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { loadedType } from './load.ts';
import { revise } from './message.ts';
import { type GraphProto, onnx, type SparseTensorProto, type TensorProto, type ValueInfoProto } from './onnx.generated.js';
import type { Saving } from './save.ts';
import { ProtoStorage, tensorProto } from './tensors.ts';
import { typeProto } from './types.ts';

/** The graph inputs. Before IR version 4 constants are listed too: those that were stay in their place, new ones follow. */
export function inputProtos(graph: Graph, saving: Saving): ValueInfoProto[] {
  const origin = graph.origin as GraphProto | undefined;
  const old = origin?.input ?? [];
  const entries = entriesOf(old);
  const inputs = graph.inputs.map(value => ({ value, info: entries.of(value) }));
  const listed = new Map<ValueInfoProto, Value>();
  const unlisted: Value[] = [];
  const wereInitializers = new Set(origin?.initializer.map(tensor => tensor.name));
  for (const value of [...(initializersAreInputs(saving.irVersion) ? graph.constants : []), ...graph.sparse]) {
    const info = entries.of(value);
    if (info) listed.set(info, value);
    else if (value.definition.kind === 'constant' && !wereInitializers.has(value.name)) unlisted.push(value);
  }
  const result: ValueInfoProto[] = [];
  const next = inputs[Symbol.iterator]();
  for (const info of old) {
    const constant = listed.get(info);
    const input = constant ? undefined : next.next().value;
    if (constant) result.push(infoProto(constant, info));
    else if (input) result.push(infoProto(input.value, input.info));
  }
  for (const { value, info } of next) result.push(infoProto(value, info));
  return [...result, ...unlisted.map(value => infoProto(value, undefined))];
}

export function outputProtos(graph: Graph): ValueInfoProto[] {
  const entries = entriesOf((graph.origin as GraphProto | undefined)?.output ?? []);
  return graph.outputs.map((value, i) => infoProto(value, entries.of(value, i)));
}

/** Entries for values that had one; a value that is gone takes its entry along. */
export function valueInfoProtos(graph: Graph, old: readonly ValueInfoProto[] | undefined): readonly ValueInfoProto[] {
  if (!old) return declaredTypes(graph);
  if (old.length === 0) return [];
  const byOrigin = new Map<object, Value>();
  const byName = new Map<string, Value>();
  const byOldName = new Map<string | undefined, Value>();
  const add = (value: Value) => {
    if (value.origin) byOrigin.set(value.origin, value);
    byName.set(value.name, value);
    byOldName.set(oldName(value), value);
  };
  for (const value of [...graph.inputs, ...graph.constants, ...graph.sparse]) add(value);
  for (const node of graph.nodes()) for (const value of node.outputs) add(value);
  const seen = new Set<string>();
  return old.flatMap(info => {
    const value = byOrigin.get(info) ?? byName.get(info.name) ?? byOldName.get(info.name);
    // Names nobody knows were in the file already, or belong to what is gone; which of the two the load has told.
    if (!value) return loadedType.has(info) ? [] : [info];
    // A value that took the name of one with an entry need not have a type.
    if (!value.type && loadedType.get(info)?.type) return [];
    if (seen.has(value.name) && value.name !== info.name) return [];
    seen.add(value.name);
    return [infoProto(value, info)];
  });
}

/** The types of inner results of a graph that was never in a file: whoever made it declared them. */
function declaredTypes(graph: Graph): ValueInfoProto[] {
  const outputs = new Set(graph.outputs);
  const results = [...graph.nodes()].flatMap(node => node.outputs);
  return results.filter(v => v.type && v.name !== '' && !outputs.has(v)).map(v => infoProto(v, undefined));
}

/** Finds a value's entry in a list of the file: by identity, else by name. */
function entriesOf(old: readonly ValueInfoProto[]): { of(value: Value, index?: number): ValueInfoProto | undefined } {
  const own = new Set<object>(old);
  const byName = new Map(old.map(info => [info.name, info]));
  return {
    of(value, index) {
      // One value may be listed twice as output, or as input and output.
      const here = index === undefined ? undefined : old[index];
      if (here && (here.name === value.name || here.name === oldName(value))) return here;
      return value.origin && own.has(value.origin) ? (value.origin as ValueInfoProto) : byName.get(value.name);
    },
  };
}

/** What a value was called in the file, where an entry of the file speaks of it. */
function oldName(value: Value): string | undefined {
  return (value.origin as ValueInfoProto | undefined)?.name;
}

function infoProto(value: Value, info: ValueInfoProto | undefined): ValueInfoProto {
  const loaded = info && loadedType.get(info);
  const type = loaded && loaded.type === value.type ? info.type : typeProto(value.type, info?.type ?? null);
  return revise(onnx.ValueInfoProto, info, { name: value.name, type });
}

/** The initializers: constants, and what overridable inputs fall back to. */
export function initializerProtos(graph: Graph, saving: Saving): TensorProto[] {
  const old = (graph.origin as GraphProto | undefined)?.initializer ?? [];
  const byName = new Map(old.map(proto => [proto.name, proto]));
  const places = new Map(old.map((proto, i) => [proto, i]));
  const placed: (TensorProto | undefined)[] = old.map(() => undefined);
  const added: TensorProto[] = [];
  const put = (name: string, tensor: Tensor) => {
    const own = tensor.storage instanceof ProtoStorage ? tensor.storage.proto : undefined;
    const origin = byName.get(name) ?? own;
    const proto = saving.place(tensorProto(tensor, name, byName.get(name)), tensor);
    const place = origin && places.get(origin);
    if (place === undefined || placed[place]) added.push(proto);
    else placed[place] = proto;
  };
  for (const { name, definition } of graph.inputs) if (definition.kind === 'input' && definition.fallback) put(name, definition.fallback);
  for (const { name, definition } of graph.constants) if (definition.kind === 'constant') put(name, definition.tensor);
  return [...placed.filter(proto => proto !== undefined), ...added];
}

export function sparseProtos(graph: Graph, saving: Saving): SparseTensorProto[] {
  return [...graph.sparse].map(({ name, definition }) => {
    const origin = definition.kind === 'sparse' ? (definition.origin as SparseTensorProto) : undefined;
    const values = origin?.values && saving.place(revise(onnx.TensorProto, origin.values, { name }));
    return revise(onnx.SparseTensorProto, origin, { values });
  });
}
