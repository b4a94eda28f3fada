import type { Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';

/** Where PyTorch's newer exporter notes a node's modules, outermost first, and then the operation: `['', 'layer1', 'layer1.relu', 'relu_1']`. */
const SCOPES = 'pkg.torch.onnx.name_scopes';

/** Operators that a module which is an activation is exported as. */
const activations = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Clip', 'Identity']);

/** `/layer1/layer1.0/relu/Relu_output_0`, as PyTorch's exporter names the result of module `layer1.0.relu`, as that module's path. */
export function modulePath(name: string): string {
  const segments = name
    .replace(/_output_\d+$/, '')
    .split('/')
    .filter(s => s !== '');
  if (segments.length > 1 && /^[A-Z][A-Za-z]+(_\d+)?$/.test(segments.at(-1)!)) segments.pop();
  // Each module's segment repeats its parents' path: /layer1/layer1.0/…
  return segments.filter((s, i) => !segments[i + 1]?.startsWith(`${s}.`)).join('.');
}

/** The path of the PyTorch module that a node comes from, '' for the network itself; undefined where the node does not say. */
export function moduleOf(node: Node): string | undefined {
  const scopes = node.metadata.get(SCOPES);
  if (scopes !== undefined) return [...scopes.matchAll(/'([^']*)'/g)].map(m => m[1]!).at(-2);
  const name = [node.name, node.outputs[0]?.name].find(n => n?.startsWith('/'));
  if (name === undefined) return undefined;
  return name.lastIndexOf('/') > 0 ? modulePath(name) : '';
}

const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf('.')));

/** The modules that a model's nodes come from, and which of them are activations. */
export class Modules {
  /** Every module that a node comes from, or that holds one. */
  readonly paths = new Set<string>();
  readonly #names = new Map<Node, string>();

  /**
   * A module that is used again is named as PyTorch's older exporter does: `relu`, `relu_1`, … in the order of use. A module in which more
   * happens is no activation: a function called in its midst has no weights of its own.
   */
  constructor(model: Model) {
    const uses = new Map<string, Node[]>();
    const busy = new Set<string>();
    for (const node of model.graph.allNodes()) {
      const path = moduleOf(node);
      if (!path) continue;
      this.paths.add(path);
      for (let outer = parentOf(path); outer !== ''; outer = parentOf(outer)) {
        this.paths.add(outer);
        busy.add(outer);
      }
      if (activations.has(node.op.name)) uses.set(path, [...(uses.get(path) ?? []), node]);
      else if (node.inputs.some(v => v && !v.constant)) busy.add(path);
    }
    for (const [path, nodes] of uses) {
      if (busy.has(path)) continue;
      for (const [i, node] of nodes.entries()) {
        const name = i === 0 ? path : `${path}_${i}`;
        if (i === 0 || !this.paths.has(name)) this.#names.set(node, name);
      }
    }
  }

  /** The name of an activation; undefined where it is none of a module's. */
  nameOf(node: Node): string | undefined {
    return this.#names.get(node);
  }
  /** The names of all activations. */
  get names(): ReadonlySet<string> {
    return new Set(this.#names.values());
  }
}
