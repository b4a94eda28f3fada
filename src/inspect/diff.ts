import { type FunctionDef, functionKey, type Model } from '../ir/model.ts';
import { displayOp } from '../ir/op.ts';
import { diffGraphs } from './diff-graph.ts';
import { interfaceDiff } from './diff-interface.ts';
import type { WeightChange } from './diff-weights.ts';

/** Something that was one thing in A and is another in B; undefined where it is only in the other. */
export interface Change {
  readonly what: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** A node, and which pass made it of what, where it says so. */
export interface DiffNode {
  readonly node: string;
  readonly op: string;
  /** The nested graph or function that it is in; empty in the main graph. */
  readonly path: string;
  readonly pass?: string;
  /** The nodes it was made of. */
  readonly from?: string;
}

export interface NodeChange extends DiffNode {
  readonly changes: readonly Change[];
}

export interface Renamed {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

export interface WeightEntry {
  readonly name: string;
  readonly path: string;
  readonly type: string;
}

/** What tells two models apart. Plain JSON. */
export interface Diff {
  readonly schema: 'onnx-funnel/diff@1';
  /** Nothing but the order of nodes may differ. */
  readonly same: boolean;
  /** Inputs, outputs, overridable initializers. */
  readonly interface: readonly Change[];
  /** Operator sets, IR version, producer, metadata. */
  readonly model: readonly Change[];
  readonly nodes: {
    readonly same: number;
    readonly added: readonly DiffNode[];
    readonly removed: readonly DiffNode[];
    readonly changed: readonly NodeChange[];
    /** Nodes that only their own names, or those of their results, tell apart: inner labels. */
    readonly renamed: readonly Renamed[];
  };
  readonly weights: {
    readonly same: number;
    readonly added: readonly WeightEntry[];
    readonly removed: readonly WeightEntry[];
    readonly changed: readonly (WeightEntry & WeightChange)[];
    readonly renamed: readonly Renamed[];
  };
  readonly functions: { readonly added: readonly string[]; readonly removed: readonly string[]; readonly changed: readonly Change[] };
  /** Results of nested graphs and functions that are other values, by path. */
  readonly results: readonly (Change & { readonly path: string })[];
}

/** What is collected on the way. */
export interface Findings {
  readonly nodes: { same: number; added: DiffNode[]; removed: DiffNode[]; changed: NodeChange[]; renamed: Renamed[] };
  readonly weights: {
    same: number;
    added: WeightEntry[];
    removed: WeightEntry[];
    changed: (WeightEntry & WeightChange)[];
    renamed: Renamed[];
  };
  readonly results: (Change & { readonly path: string })[];
}

/**
 * What tells model B from model A: interface, operator sets, nodes, weights, functions, nested graphs. Nodes are matched by the names of
 * their results and by their structure, so that a rename is a rename and the order of nodes does not count.
 */
export function diff(a: Model, b: Model): Diff {
  const found: Findings = {
    nodes: { same: 0, added: [], removed: [], changed: [], renamed: [] },
    weights: { same: 0, added: [], removed: [], changed: [], renamed: [] },
    results: [],
  };
  diffGraphs(a.graph, b.graph, '', found);
  const functions = diffFunctions(a, b, found);
  const edges = interfaceDiff(a, b);
  const model = modelDiff(a, b);
  const { nodes, weights, results } = found;
  const lists: (readonly unknown[])[] = [edges, model, results, functions.added, functions.removed, functions.changed];
  for (const { added, removed, changed, renamed } of [nodes, weights]) lists.push(added, removed, changed, renamed);
  const same = lists.every(list => list.length === 0);
  return { schema: 'onnx-funnel/diff@1', same, interface: edges, model, nodes, weights, functions, results };
}

function diffFunctions(a: Model, b: Model, found: Findings) {
  const [inA, inB] = [a, b].map(model => new Map(model.functions.map(f => [functionKey(f), f])));
  const added = [...inB!].flatMap(([key, f]) => (inA!.has(key) ? [] : [displayOp(f)]));
  const removed = [...inA!].flatMap(([key, f]) => (inB!.has(key) ? [] : [displayOp(f)]));
  const changed: Change[] = [];
  for (const [key, f] of inA!) {
    const g = inB!.get(key);
    if (!g) continue;
    changed.push(...signatureDiff(f, g));
    diffGraphs(f.body, g.body, `function ${displayOp(f)}`, found);
  }
  return { added, removed, changed };
}

function signatureDiff(f: FunctionDef, g: FunctionDef): Change[] {
  const name = displayOp(f);
  return [
    ...entries(`${name}: operator set of `, imports(f.opsets), imports(g.opsets)),
    ...changeOf(`${name}: inputs`, f.body.inputs.map(v => v.name).join(', '), g.body.inputs.map(v => v.name).join(', ')),
    ...changeOf(`${name}: attributes`, attributesOf(f), attributesOf(g)),
  ];
}

const attributesOf = (f: FunctionDef) => [...f.attributes, ...f.defaults.keys()].join(', ');
const imports = (opsets: ReadonlyMap<string, number>) => new Map([...opsets].map(([domain, n]) => [domain || 'ai.onnx', String(n)]));

function modelDiff(a: Model, b: Model): Change[] {
  return [
    ...changeOf('IR version', String(a.irVersion), String(b.irVersion)),
    ...entries('operator set of ', imports(a.opsets), imports(b.opsets)),
    ...changeOf('producer', `${a.producerName} ${a.producerVersion}`.trim(), `${b.producerName} ${b.producerVersion}`.trim()),
    ...changeOf('domain', a.domain, b.domain),
    ...changeOf('model version', String(a.modelVersion), String(b.modelVersion)),
    ...changeOf('graph name', a.graph.name, b.graph.name),
    ...changeOf('documentation', a.doc, b.doc),
    ...entries('metadata ', a.metadata, b.metadata),
  ];
}

/** Zero or one change. */
export function changeOf(what: string, before: string, after: string): Change[] {
  return before === after ? [] : [{ what, before, after }];
}

/** Entries of two maps that are not the same. */
export function entries(what: string, a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): Change[] {
  return [...new Set([...a.keys(), ...b.keys()])].flatMap(key =>
    a.get(key) === b.get(key) ? [] : [{ what: `${what}${key}`, before: a.get(key), after: b.get(key) }],
  );
}
