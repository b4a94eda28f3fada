import { knownSetting, settingOf } from '../functions/operands.ts';
import { attrsOf } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import type { Value } from '../ir/value.ts';
import { isFloat } from '../tensor/dtype.ts';

/** A vector of integers, or one, of which some may not be known. */
type Sizes = readonly (number | undefined)[];

/** Longer vectors are no shapes. */
const LONGEST = 64;
/** Operators between a size and where it is used. */
const DEEPEST = 32;

/** What is known of a value that is computed of sizes: its elements in a row, each a number or not known. */
export function sizesIn(value: Value | undefined, depth = 0): Sizes | undefined {
  const tensor = constantOf(value);
  if (tensor)
    return tensor.size <= LONGEST && tensor.rank <= 1 && tensor.dtype.startsWith('int') ? Array.from(tensor.numbers()) : undefined;
  const node = value?.producer;
  if (node?.op.domain !== '' || depth > DEEPEST || !Object.hasOwn(operators, node.op.name)) return undefined;
  return operators[node.op.name]!(node, v => sizesIn(v, depth + 1));
}

type Operator = (node: Node, of: (value: Value | undefined) => Sizes | undefined) => Sizes | undefined;

const same: Operator = ({ inputs }, of) => of(inputs[0]);

const operators: Readonly<Record<string, Operator>> = {
  Identity: same,
  Squeeze: same,
  // Of a vector, or of one size, these make no other order.
  Unsqueeze: same,
  Cast(node, of) {
    const to = Number(attrsOf(node, 'Cast').to);
    // INT32 and INT64.
    return to === 6 || to === 7 ? of(node.inputs[0]) : undefined;
  },
  Shape({ inputs: [x], attributes }) {
    const at = (name: string) => {
      const attribute = attributes.get(name);
      return attribute?.type === 'int' ? Number(attribute.value) : undefined;
    };
    return x?.sureShape?.map(d => (typeof d === 'number' ? d : undefined)).slice(at('start') ?? 0, at('end'));
  },
  Gather(node, of) {
    const data = of(node.inputs[0]);
    const at = constantOf(node.inputs[1]);
    if (!data || !at || isFloat(at.dtype) || at.size > LONGEST) return undefined;
    return Array.from(at.numbers(), i => data[i < 0 ? i + data.length : i]);
  },
  Slice(node, of) {
    const data = of(node.inputs[0]);
    const [[start], [end], axes, steps] = [
      knownSetting(node, 'starts') ?? [],
      knownSetting(node, 'ends') ?? [],
      settingOf(node, 'axes'),
      settingOf(node, 'steps'),
    ];
    const plain = (steps === undefined || (steps !== 'computed' && steps[0] === 1)) && axes !== 'computed';
    return data && plain && start !== undefined && end !== undefined ? data.slice(start, end) : undefined;
  },
  Concat(node, of) {
    const parts = node.inputs.map(of);
    return parts.every(part => part !== undefined) ? parts.flatMap(part => part!) : undefined;
  },
};
