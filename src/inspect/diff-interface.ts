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
  const [namesA, namesB] = [new Set(a.map(v => v.name)), new Set(b.map(v => v.name))];
  // One with a new name in its old place has been renamed.
  const renamed = a.flatMap((v, i) => {
    const other = b[i];
    return other && !namesB.has(v.name) && !namesA.has(other.name) && typeOf(v) === typeOf(other) ? [[v, other] as const] : [];
  });
  const [goneA, goneB] = [new Set(renamed.map(([v]) => v)), new Set(renamed.map(([, v]) => v))];
  const order = (of: readonly Value[], others: ReadonlySet<string>) => of.flatMap(v => (others.has(v.name) ? [v.name] : [])).join(', ');
  return [
    ...renamed.map(([v, other]) => ({ what: `name of ${kind} ${a.indexOf(v)}`, before: v.name, after: other.name })),
    ...entries(`${kind} `, typesOf(a.filter(v => !goneA.has(v))), typesOf(b.filter(v => !goneB.has(v)))),
    ...changeOf(`order of ${kind}s`, order(a, namesB), order(b, namesA)),
  ];
}
