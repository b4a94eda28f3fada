import picomatch from 'picomatch';
import type { Dim } from '../ir/value.ts';
import { checkNames } from '../known-names.ts';
import type { ModelInterface, ValueMetadata } from '../runtime/session.ts';
import type { Declared, Default } from './declared.ts';
import type { Finding } from './verdict.ts';
import type { VerifyOptions } from './verify.ts';

/** What a model takes and gives: as the runtime sees it, and what the file says besides, where that is known. */
export interface Edges extends ModelInterface {
  readonly declared?: Declared | undefined;
}

/** @throws FunnelError `E_USAGE` for an output, or an input to leave out, that neither model has. */
export function checkOutputs({ exclude = [], tolerances }: VerifyOptions, { a, b }: { readonly a: Edges; readonly b: Edges }): void {
  const outputs = [...new Set([...a.outputs, ...b.outputs].map(o => o.name))];
  const optional = [a, b].flatMap(({ declared }) => declared?.defaults.map(d => d.name) ?? []);
  const named = exclude.filter(name => !optional.some(input => isLeftOut(input, [name])));
  checkNames('output', named, [...outputs, ...optional]);
  checkNames('output', Object.keys(tolerances?.outputs ?? {}), outputs);
}

/** Whether an input with a default is left out: a model may have hundreds of them, so that globs count, as for freezing them. */
const isLeftOut = (input: string, excluded: Iterable<string>): boolean =>
  [...excluded].some(
    name => name === input || (name.includes('*') && picomatch.isMatch(input, name, { dot: true, bash: true, nonegate: true })),
  );

/** What the models' edges have in common, and how they differ. */
export interface Match {
  readonly differences: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Edges of both that nothing can be found out about: they are no tensors. */
  readonly unknown: readonly Finding[];
  /** Names of outputs that both have with the same element type, in A's order. */
  readonly outputs: readonly string[];
  /** Whether B can be fed with what A is fed with. */
  readonly feedable: boolean;
}

/**
 * Matches inputs and outputs by name. A fixed size that became another, or that became the only one accepted, is a difference; names of symbols are not.
 * The shapes of outputs are compared by what they are at run time, so declared ones count only where two fixed sizes contradict each other.
 * `excluded` are outputs to leave out, and inputs with a default, for which globs count too.
 */
export function matchInterfaces(a: Edges, b: Edges, excluded: ReadonlySet<string>): Match {
  const found: Found = { differences: [], warnings: [], unknown: [] };
  const keep = (v: ValueMetadata) => !excluded.has(v.name);
  const takes = (of: Edges, other: Edges) => [...of.inputs, ...defaults(of, other).filter(d => !isLeftOut(d.name, excluded))];
  const inputs = pair(takes(a, b), takes(b, a), 'input', found);
  for (const [x, y] of inputs) matchInput(x, y, retyped(x, y, a, b), found);
  const unfed = a.inputs.filter(i => i.dtype === undefined);
  for (const x of unfed) {
    const message = `is ${typeOf(x, a) ?? 'no tensor'}, for which no values can be made: nothing was run`;
    found.unknown.push({ code: 'input-not-feedable', where: `input '${x.name}'`, message });
  }
  const outputs = pair(a.outputs.filter(keep), b.outputs.filter(keep), 'output', found);
  for (const [x, y] of outputs) {
    const where = `output '${x.name}'`;
    const message = retyped(x, y, a, b) ?? renamed(x.name, a, b);
    if (message) found.differences.push({ code: 'output-type', where, message });
    else if (x.dtype === undefined || y.dtype === undefined) {
      const what = `is ${typeOf(x, a) ?? 'no tensor'}, which can not be compared: leave it out with --exclude`;
      found.unknown.push({ code: 'output-not-comparable', where, message: what });
    } else if (contradict(x.shape, y.shape))
      found.differences.push({ code: 'output-shape', where, message: `${spell(x.shape)} became ${spell(y.shape)}` });
  }
  const fed = new Map(a.inputs.map(i => [i.name, i.dtype]));
  return {
    ...found,
    outputs: outputs.filter(([x, y]) => x.dtype !== undefined && x.dtype === y.dtype).map(([x]) => x.name),
    feedable: unfed.length === 0 && b.inputs.every(i => i.dtype !== undefined && fed.get(i.name) === i.dtype),
  };
}

interface Found {
  readonly differences: Finding[];
  readonly warnings: Finding[];
  readonly unknown: Finding[];
}

function matchInput(x: ValueMetadata, y: ValueMetadata, type: string | undefined, { differences, warnings }: Found): void {
  const where = `input '${x.name}'`;
  const shape = `${spell(x.shape)} became ${spell(y.shape)}`;
  if (type) differences.push({ code: 'input-type', where, message: type });
  else if (!accepts(x.shape, y.shape)) differences.push({ code: 'input-shape', where, message: shape });
  else if (!accepts(y.shape, x.shape)) warnings.push({ code: 'input-shape', where, message: `${shape}, which accepts more` });
  if (isDefault(x) && isDefault(y)) {
    if (!type && spell(x.shape) === spell(y.shape) && x.fallback !== y.fallback)
      warnings.push({ code: 'input-default', where, message: 'has another default in B' });
  } else if (isDefault(x)) differences.push({ code: 'input-default', where, message: 'has a default in A, and must be given in B' });
  else if (isDefault(y)) differences.push({ code: 'input-default', where, message: 'must be given in A, and has a default in B' });
}

/** What the file says counts: the tensor that stands for a sequence of maps is none itself. */
const typeOf = ({ name, dtype }: ValueMetadata, { declared }: Edges): string | undefined => declared?.types.get(name) ?? dtype;

/** What a type became, where it is another one. */
function retyped(x: ValueMetadata, y: ValueMetadata, a: Edges, b: Edges): string | undefined {
  const [was, is] = [typeOf(x, a), typeOf(y, b)];
  if (was === is || ((was === undefined || is === undefined) && x.dtype === y.dtype)) return undefined;
  return `${was ?? 'no tensor'} became ${is ?? 'no tensor'}`;
}

/** What the names in an output's maps became, where they are others. */
function renamed(output: string, a: Edges, b: Edges): string | undefined {
  const [was, is] = [a, b].map(e => e.declared?.names.get(output));
  return was === undefined || is === undefined || was === is ? undefined : `maps of ${was} became maps of ${is}`;
}

type Pair = readonly [ValueMetadata, ValueMetadata];

/** Inputs with a default, where both models tell theirs. */
const defaults = ({ declared }: Edges, other: Edges): readonly Default[] => (other.declared && declared?.defaults) ?? [];
const isDefault = (v: ValueMetadata): v is Default => 'fallback' in v;

function pair(a: readonly ValueMetadata[], b: readonly ValueMetadata[], what: 'input' | 'output', { differences }: Found): Pair[] {
  const theirs = new Map(b.map(v => [v.name, v]));
  const ours = new Set(a.map(v => v.name));
  const only = (v: ValueMetadata, code: string, message: string, owner: string) => {
    const more = isDefault(v) ? `; ${owner} has a default for it, which callers may override` : '';
    differences.push({ code: `${what}-${code}`, where: `${what} '${v.name}'`, message: message + more });
  };
  for (const v of a) if (!theirs.has(v.name)) only(v, 'missing', 'is missing in B', 'A');
  for (const v of b) if (!ours.has(v.name)) only(v, 'extra', 'is in B only', 'B');
  return a.flatMap((v): Pair[] => (theirs.has(v.name) ? [[v, theirs.get(v.name)!]] : []));
}

/** Whether `b` takes every shape that `a` takes. [] says nothing: a scalar and an unknown rank look alike. */
function accepts(a: readonly Dim[], b: readonly Dim[]): boolean {
  if (a.length === 0 || b.length === 0) return true;
  return a.length === b.length && b.every((d, i) => typeof d !== 'number' || d === a[i]);
}

function contradict(a: readonly Dim[], b: readonly Dim[]): boolean {
  if (a.length === 0 || b.length === 0) return false;
  return a.length !== b.length || a.some((d, i) => typeof d === 'number' && typeof b[i] === 'number' && d !== b[i]);
}

/** `[N,3,224,224]`; an unknown size is `?`. */
export function spell(shape: readonly Dim[]): string {
  return `[${shape.map(d => d ?? '?').join(',')}]`;
}
