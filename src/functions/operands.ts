import type { Attrs } from '../ir/attrs.ts';
import { constantOf } from '../ir/constant.ts';
import type { Node } from '../ir/node.ts';
import { schemaOf } from '../ir/op.ts';
import { Value } from '../ir/value.ts';
import { type OpName, operatorAt } from '../ops/schema.ts';
import type { Arg, Builder } from '../rewrite/builder.ts';
import { Tensor } from '../tensor/tensor.ts';

/** What an operator is told besides its data: `undefined` where nothing, `'computed'` where only run time tells. */
export type Setting = readonly number[] | undefined | 'computed';

/** The operand of a formal name, in the operator's version; an empty tensor counts as a value. */
export function operandOf(node: Node, formal: string): Value | undefined {
  const index = schemaOf(node.op)?.inputs.indexOf(formal) ?? -1;
  return index < 0 ? undefined : node.inputs[index];
}

/** Numbers that some versions of an operator take as an attribute, others as an operand of the same name. */
export function settingOf(node: Node, name: string): Setting {
  const attribute = node.attributes.get(name);
  switch (attribute?.type) {
    case undefined: {
      const operand = operandOf(node, name);
      return operand && (constantOf(operand) ? Array.from(constantOf(operand)!.numbers()) : 'computed');
    }
    case 'int':
      return [Number(attribute.value)];
    case 'float':
      return [attribute.value];
    case 'ints':
    case 'floats':
      return Array.from(attribute.value, Number);
    default:
      return 'computed';
  }
}

/** The same where it is known: given, and not computed. */
export function knownSetting(node: Node, name: string): readonly number[] | undefined {
  const setting = settingOf(node, name);
  return setting === 'computed' ? undefined : setting;
}

/**
 * Applies an operator to `x`, with settings as attributes or as int64 operands, whichever its version takes; a value goes in as it is.
 */
export function applyTo<K extends OpName>(
  name: K,
  x: Value,
  settings: Readonly<Record<string, readonly number[] | Value | undefined>>,
  op: Builder,
  attrs: Partial<Attrs<K>> = {},
): Value {
  const schema = operatorAt('', name, op.opset)!;
  const all: Record<string, unknown> = { ...attrs };
  const operands = new Array<Arg>(schema.inputs.length).fill(undefined);
  operands[0] = x;
  for (const [formal, setting] of Object.entries(settings)) {
    if (setting === undefined) continue;
    const index = schema.inputs.indexOf(formal);
    if (index >= 0) operands[index] = setting instanceof Value ? setting : Tensor.of('int64', [setting.length], setting.map(int64));
    else all[formal] = setting;
  }
  const apply = op[name] as unknown as (...args: readonly unknown[]) => Value;
  return apply(...operands, all);
}

/** INT64_MAX, which stands for "to the end", is no number of JavaScript's: the nearest one is above it. */
const int64 = (x: number) => (x >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(x));
