import type { Dim } from '../ir/value.ts';
import type { ModelInterface, ValueMetadata } from '../runtime/session.ts';
import type { Finding } from './verdict.ts';

/** What the models' edges have in common, and how they differ. */
export interface Match {
  readonly differences: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Names of outputs that both have with the same element type, in A's order. */
  readonly outputs: readonly string[];
  /** Whether B can be fed with what A is fed with. */
  readonly feedable: boolean;
}

/**
 * Matches inputs and outputs by name. A fixed size that became another, or that became the only one accepted, is a difference; names of symbols are not.
 * The shapes of outputs are compared by what they are at run time, so declared ones count only where two fixed sizes contradict each other.
 */
export function matchInterfaces(a: ModelInterface, b: ModelInterface, excluded: ReadonlySet<string>): Match {
  const differences: Finding[] = [];
  const warnings: Finding[] = [];
  const inputs = pair(a.inputs, b.inputs, 'input', differences);
  for (const [x, y] of inputs) {
    const where = `input '${x.name}'`;
    if (x.dtype !== y.dtype)
      differences.push({ code: 'input-type', where, message: `${x.dtype ?? 'no tensor'} became ${y.dtype ?? 'no tensor'}` });
    else if (!accepts(x.shape, y.shape))
      differences.push({ code: 'input-shape', where, message: `${spell(x.shape)} became ${spell(y.shape)}` });
    else if (!accepts(y.shape, x.shape))
      warnings.push({ code: 'input-shape', where, message: `${spell(x.shape)} became ${spell(y.shape)}, which accepts more` });
  }
  const keep = (v: ValueMetadata) => !excluded.has(v.name);
  const outputs = pair(a.outputs.filter(keep), b.outputs.filter(keep), 'output', differences);
  for (const [x, y] of outputs) {
    const where = `output '${x.name}'`;
    if (x.dtype !== y.dtype)
      differences.push({ code: 'output-type', where, message: `${x.dtype ?? 'no tensor'} became ${y.dtype ?? 'no tensor'}` });
    else if (contradict(x.shape, y.shape))
      differences.push({ code: 'output-shape', where, message: `${spell(x.shape)} became ${spell(y.shape)}` });
  }
  const named = new Set(inputs.filter(([x, y]) => x.dtype === y.dtype).map(([x]) => x.name));
  return {
    differences,
    warnings,
    outputs: outputs.filter(([x, y]) => x.dtype !== undefined && x.dtype === y.dtype).map(([x]) => x.name),
    feedable: b.inputs.every(i => named.has(i.name)),
  };
}

type Pair = readonly [ValueMetadata, ValueMetadata];

function pair(a: readonly ValueMetadata[], b: readonly ValueMetadata[], what: 'input' | 'output', differences: Finding[]): Pair[] {
  const theirs = new Map(b.map(v => [v.name, v]));
  const ours = new Set(a.map(v => v.name));
  for (const v of a)
    if (!theirs.has(v.name)) differences.push({ code: `${what}-missing`, where: `${what} '${v.name}'`, message: 'is missing in B' });
  for (const v of b)
    if (!ours.has(v.name)) differences.push({ code: `${what}-extra`, where: `${what} '${v.name}'`, message: 'is in B only' });
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
