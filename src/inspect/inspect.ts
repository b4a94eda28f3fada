import { fuseFrelu, passes, pipelines } from '../../passes/index.ts';
import { isFunnelFunction } from '../functions/frelu.ts';
import { closeFactRuntime } from '../infer/runtime.ts';
import type { Shapes } from '../infer/shapes.ts';
import { bodies, functionKey, type Model } from '../ir/model.ts';
import type { Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import { rewrite } from '../rewrite/pipeline.ts';
import { type Costs, costsOf } from './costs.ts';
import { type Interface, interfaceOf, type Parameters, parametersOf } from './parameters.ts';

/** What is in a model. Plain JSON. */
export interface Inspection {
  readonly schema: 'onnx-funnel/inspect@1';
  readonly irVersion: number;
  readonly producer: string;
  /** Imported operator sets; '' is `ai.onnx`. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly interface: Interface;
  /** Nodes in all, nested graphs and functions included. */
  readonly nodes: number;
  /** How often each operator occurs, most often first. */
  readonly operators: Readonly<Record<string, number>>;
  readonly functions: readonly { readonly name: string; readonly nodes: number; readonly calls: number }[];
  readonly parameters: Parameters;
  readonly sites: Sites;
  readonly costs: Costs;
}

export interface Sites {
  /** Relu, LeakyRelu, PRelu and Clip: what relu-to-frelu looks at. */
  readonly relu: number;
  readonly frelu: {
    /** Calls of the function `funnel.FReLU`. */
    readonly fused: number;
    /** Max(x, T(x)), T a depthwise convolution with or without BatchNormalization. */
    readonly spelled: number;
  };
  readonly batchNorm: number;
}

const reluLike = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Clip']);

/**
 * Looks at a model: its operators, parameters, costs, activations and interface. `shapes` stand in for dimensions without a size,
 * which count as 1 otherwise. What ONNX Runtime can't load is inspected too; its costs are then unknown, with the reason.
 */
export async function inspect(model: Model, shapes: Shapes = {}): Promise<Inspection> {
  try {
    const nodes = [...bodies(model)].flatMap(({ graph }) => [...graph.allNodes()]);
    const calls = countBy(nodes, node => functionKey(node.op));
    return {
      schema: 'onnx-funnel/inspect@1',
      irVersion: model.irVersion,
      producer: `${model.producerName} ${model.producerVersion}`.trim(),
      opsets: Object.fromEntries(model.opsets),
      interface: interfaceOf(model),
      nodes: nodes.length,
      operators: Object.fromEntries([...countBy(nodes, node => displayOp(node.op))].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))),
      functions: model.functions.map(f => ({
        name: displayOp(f),
        nodes: [...f.body.allNodes()].length,
        calls: calls.get(functionKey(f)) ?? 0,
      })),
      parameters: parametersOf(model),
      sites: await sitesOf(model, nodes, nodes.filter(node => isFunnelFunction(node.op)).length),
      costs: await costsOf(model, shapes),
    };
  } finally {
    await closeFactRuntime();
  }
}

async function sitesOf(model: Model, nodes: readonly Node[], fused: number): Promise<Sites> {
  const standard = nodes.filter(node => node.op.domain === '');
  const named = (name: string) => standard.filter(node => node.op.name === name).length;
  const isGrouped = ({ attributes }: Node) => Number(attributes.get('group')?.value ?? 1) > 1;
  return {
    relu: standard.filter(node => reluLike.has(node.op.name)).length,
    frelu: { fused, spelled: named('Max') > 0 || standard.some(isGrouped) ? await spelledSites(model) : 0 },
    batchNorm: named('BatchNormalization'),
  };
}

/** FReLU spelled out, as the pass that recognises it sees it once what can be folded is. The bodies of functions do not count: their calls do. */
async function spelledSites(model: Model): Promise<number> {
  const main: Model = { ...model, functions: [] };
  const folding = pipelines.fold!.map(name => passes[name]!());
  const { report } = await rewrite(main, [...folding, fuseFrelu]);
  return report.at(-1)!.fired.length;
}

function countBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
