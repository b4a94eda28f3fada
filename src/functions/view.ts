import { attrsOf } from '../ir/attrs.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';

/** A value as another one seen through operators that move elements at most: `moved` says where its channels went. */
export interface View {
  readonly value: Value;
  readonly moved: 'nowhere' | 'last' | 'first';
}

/** What is left of a value once Identity, a Cast to its own type, and Transposes of the channels are taken off. */
export function viewOf(value: Value): View {
  let moved: View['moved'] = 'nowhere';
  for (let at = value; ; ) {
    const node = at.producer;
    const inner = node?.inputs[0];
    if (!node || !inner || node.op.domain !== '') return { value: at, moved };
    if (!isNoOp(node)) {
      const move = channelMove(node);
      // Two moves there and back are none; two the same way are another permutation.
      if (move === undefined || move === moved) return { value: at, moved };
      moved = moved === 'nowhere' ? move : 'nowhere';
    }
    at = inner;
  }
}

/** Identity, or a Cast to the type that its operand has. */
export function isNoOp(node: Node): boolean {
  if (node.op.domain !== '') return false;
  if (node.op.name === 'Identity') return true;
  if (node.op.name !== 'Cast') return false;
  const [from, to] = [node.inputs[0]?.dtype, node.outputs[0]?.dtype];
  return from !== undefined && from === to;
}

/** Where a Transpose moves the channels of an image: behind its spatial axes, or in front of them. */
export function channelMove(node: Node): 'last' | 'first' | undefined {
  if (node.op.name !== 'Transpose' || node.op.domain !== '') return undefined;
  const perm = attrsOf(node, 'Transpose').perm ?? [];
  const rank = perm.length;
  if (rank < 3) return undefined;
  const is = (wanted: readonly number[]) => wanted.every((axis, i) => axis === perm[i]);
  if (is(toLast(rank))) return 'last';
  return is(toFirst(rank)) ? 'first' : undefined;
}

/** [N, C, …] → [N, …, C] as a permutation. */
export const toLast = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
/** [N, …, C] → [N, C, …] as a permutation. */
export const toFirst = (rank: number): number[] => [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
