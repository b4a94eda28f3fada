import { labelOf, type Node } from '../ir/node.ts';

const PASS = 'onnx_funnel.pass';
const FROM = 'onnx_funnel.from';

/**
 * What a new node says of where it comes from: the passes at work, and the nodes of the original model that they took. What was made of
 * made nodes has their history, each name once. Nodes have metadata since IR version 10; readers of older files pass over it.
 */
export function provenanceOf(pass: string, nodes: readonly Node[]): ReadonlyMap<string, string> {
  const told = (node: Node, key: string) => node.metadata.get(key)?.split(' ');
  const passes = nodes.flatMap(node => told(node, PASS) ?? []);
  const from = nodes.flatMap(node => told(node, FROM) ?? labelOf(node));
  return new Map([
    [PASS, [...new Set([...passes, pass])].join(' ')],
    [FROM, [...new Set(from)].join(' ')],
  ]);
}
