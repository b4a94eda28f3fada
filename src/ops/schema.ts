import { dtypeSets, type Ops as GeneratedOps, table } from './schema.generated.ts';

/** Signatures of ONNX's own operators for the rule language; `Graph` is the IR's graph type. */
export type Ops<Graph = unknown> = GeneratedOps<Graph>;
export type OpName = keyof GeneratedOps<unknown>;

export interface AttributeSchema {
  readonly type: string;
  /** Undefined when the attribute has no default. */
  readonly default: number | string | readonly (number | string)[] | undefined;
}

/** One version of an operator's signature. */
export interface OperatorVersion {
  readonly since: number;
  /** Formal input names; the last one repeats when `maxInputs` says so. */
  readonly inputs: readonly string[];
  readonly minInputs: number;
  /** Infinity for variadic operators. */
  readonly maxInputs: number;
  readonly maxOutputs: number;
  readonly attributes: ReadonlyMap<string, AttributeSchema>;
  /** Element types that the first input takes; empty where it takes no tensor. */
  readonly dtypes: ReadonlySet<string>;
  /** Operands may be exchanged. */
  readonly commutes: boolean;
  /** Equal inputs give equal outputs. */
  readonly deterministic: boolean;
  readonly deprecated: boolean;
}

type Row = readonly [number, string, number, number, number, Readonly<Record<string, readonly unknown[]>>, string, number];
const rows = table as unknown as Readonly<Record<string, readonly Row[]>>;
const versions = new Map<string, readonly OperatorVersion[]>();

const orInfinity = (n: number) => (n < 0 ? Number.POSITIVE_INFINITY : n);

function parseRow([since, inputs, minInputs, maxInputs, maxOutputs, attributes, flags, dtypes]: Row): OperatorVersion {
  return {
    since,
    inputs: inputs === '' ? [] : inputs.split(' '),
    minInputs,
    maxInputs: orInfinity(maxInputs),
    maxOutputs: orInfinity(maxOutputs),
    attributes: new Map(
      Object.entries(attributes).map(([name, [type, dflt]]) => [
        name,
        { type: type as string, default: dflt as AttributeSchema['default'] },
      ]),
    ),
    dtypes: new Set(dtypeSets[dtypes]!.split(' ').filter(name => name !== '')),
    commutes: flags.includes('c'),
    deterministic: flags.includes('d'),
    deprecated: flags.includes('x'),
  };
}

/** All versions of an operator, oldest first; empty where the table does not know it. The default domain is ''. */
export function versionsOf(domain: string, name: string): readonly OperatorVersion[] {
  const key = `${domain}:${name}`;
  let known = versions.get(key);
  if (!known) {
    known = Object.hasOwn(rows, key) ? rows[key]!.map(parseRow) : [];
    versions.set(key, known);
  }
  return known;
}

/** The version of an operator that operator set `opset` selects; undefined where the table does not know one. */
export function operatorAt(domain: string, name: string, opset: number): OperatorVersion | undefined {
  return versionsOf(domain, name).findLast(v => v.since <= opset);
}

/** The names of ONNX's own operators. */
export function operatorNames(): OpName[] {
  return Object.keys(rows).flatMap(key => (key.startsWith(':') ? [key.slice(1) as OpName] : []));
}
