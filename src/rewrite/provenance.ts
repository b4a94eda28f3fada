import { labelOf, type Node } from '../ir/node.ts';

const PASS = 'onnx_funnel.pass';
const FROM = 'onnx_funnel.from';

/** What a node says of where it comes from; see `provenanceOf`. */
export interface Provenance {
  /** The passes that made it. */
  readonly pass?: string;
  /** The nodes they made it of. */
  readonly from?: string;
}

/** The provenance that a node tells, names with spaces between them. */
export function toldBy({ metadata }: Node): Provenance {
  const [pass, from] = [metadata.get(PASS), metadata.get(FROM)];
  return { ...(pass !== undefined && { pass }), ...(from !== undefined && { from }) };
}

/** A history is told up to this many names; of long chains each node would tell the whole chain otherwise. */
const MOST = 32;
const MORE = '…';

/**
 * What a new node says of where it comes from: the passes at work, and the nodes of the original model that they took. What was made of
 * made nodes has their history, each name once, and an ellipsis after the first of very many. Nodes have metadata since IR version 10; readers of older files pass over it.
 */
export function provenanceOf(pass: string, nodes: readonly Node[]): ReadonlyMap<string, string> {
  const told = (node: Node, key: string) => node.metadata.get(key)?.split(' ');
  const passes = nodes.flatMap(node => told(node, PASS) ?? []);
  const from = nodes.flatMap(node => told(node, FROM) ?? labelOf(node));
  return new Map([
    [PASS, [...new Set([...passes, pass])].join(' ')],
    [FROM, cut(new Set(from)).join(' ')],
  ]);
}

function cut(names: Set<string>): string[] {
  const more = names.delete(MORE) || names.size > MOST;
  return [...names].slice(0, MOST).concat(more ? MORE : []);
}
