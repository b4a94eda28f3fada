import type { Model } from '../ir/model.ts';
import type { Value } from '../ir/value.ts';
import { printType } from '../text/print-type.ts';
import { type Change, changeOf, entries } from './diff.ts';

const typeOf = ({ type }: Value) => (type ? printType(type) : 'no type');
const isOverridable = ({ definition }: Value) => definition.kind === 'input' && definition.fallback !== undefined;

/** What tells apart how two models are called: inputs and outputs, their names, order and types, and what a caller may override. */
export function interfaceDiff({ graph: a }: Model, { graph: b }: Model): Change[] {
  return [
    ...ports(
      'input',
      a.inputs.filter(v => !isOverridable(v)),
      b.inputs.filter(v => !isOverridable(v)),
    ),
    ...ports('output', a.outputs, b.outputs),
    ...entries('overridable initializer ', typesOf(a.inputs.filter(isOverridable)), typesOf(b.inputs.filter(isOverridable))),
  ];
}

const typesOf = (values: readonly Value[]) => new Map(values.map(v => [v.name, typeOf(v)]));

function ports(kind: string, a: readonly Value[], b: readonly Value[]): Change[] {
  const kept = (of: readonly Value[], others: readonly Value[]) => {
    const names = new Set(others.map(v => v.name));
    return of.flatMap(v => (names.has(v.name) ? [v.name] : [])).join(', ');
  };
  return [...entries(`${kind} `, typesOf(a), typesOf(b)), ...changeOf(`order of ${kind}s`, kept(a, b), kept(b, a))];
}
