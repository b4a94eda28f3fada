import { cloneModel } from '../ir/clone.ts';
import type { Model } from '../ir/model.ts';
import { Node } from '../ir/node.ts';
import { opOf } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';

/**
 * ZipMap names the columns of a tensor, as classifiers of scikit-learn end: a sequence of maps, which can't cross the runtime's border, holds
 * what the tensor does, and names that are attributes. An output of the same name that is the tensor stands for it.
 * A model without such an output is returned as it is, another one as a copy.
 */
export function withoutZipMaps(model: Model): Model {
  if (!model.graph.outputs.some(isZipped)) return model;
  const copy = cloneModel(model);
  const { graph, opsets } = copy;
  // Of operators that are no machine learning, the model may have none.
  if (!opsets.has('')) opsets.set('', 7);
  for (const output of graph.outputs.filter(isZipped)) {
    const node = output.producer!;
    const type = { kind: 'tensor', dtype: 'float', shape: undefined } as const;
    const identity = new Node(opOf('', 'Identity', '', opsets), [node.inputs[0]], [{ name: output.name, type }], { name: node.name });
    graph.insertBefore(node, identity);
    graph.replaceUses(output, identity.outputs[0]!);
    graph.remove(node);
  }
  return copy;
}

/** The type of an output that ZipMap makes, and the names in its maps; undefined for any other. */
export function mapsOf(output: Value): { readonly type: string; readonly names: string } | undefined {
  if (!isZipped(output)) return undefined;
  const { attributes } = output.producer!;
  const [numbers, words] = ['classlabels_int64s', 'classlabels_strings'].map(name => attributes.get(name));
  if (numbers?.type === 'ints') return { type: 'seq(map(int64, float))', names: numbers.value.join(', ') };
  if (words?.type !== 'strings') return undefined;
  return { type: 'seq(map(string, float))', names: words.value.map(word => `'${Buffer.from(word)}'`).join(', ') };
}

const isZipped = ({ producer, uses }: Value): boolean =>
  producer?.op.domain === 'ai.onnx.ml' && producer.op.name === 'ZipMap' && uses.size === 1;
