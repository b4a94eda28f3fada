import { dtypeSets, type Ops as GeneratedOps, signatures, table } from './schema.generated.ts';

/** Signatures of ONNX's own operators for the rule language; `Graph` is the IR's graph type. */
export type Ops<Graph = unknown> = GeneratedOps<Graph>;
export type OpName = keyof GeneratedOps<unknown>;

export interface AttributeSchema {
  readonly type: string;
  /** Undefined when the attribute has no default. */
  readonly default: number | string | readonly (number | string)[] | undefined;
  /** Every node has to give it. */
  readonly required: boolean;
}

/** What one operand or result may be. */
export interface FormalTypes {
  readonly dtypes: ReadonlySet<string>;
  /** Takes other types than tensors too, or no tensors at all. */
  readonly beyondTensors: boolean;
  /** What has the same letter, among operands and results, has one element type; undefined where each may have its own. */
  readonly letter: string | undefined;
  readonly option: 'required' | 'optional' | 'variadic';
}

/** Element types of an operator's operands and results; the last one of each repeats where it is variadic. */
export interface Signature {
  readonly inputs: readonly FormalTypes[];
  readonly outputs: readonly FormalTypes[];
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
  readonly signature: Signature;
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

const options = { '!': 'required', '?': 'optional' } as const;
const sets = dtypeSets.map(text => new Set(text.split(' ').filter(name => name !== '' && name !== '+')));

function parseFormal(text: string): FormalTypes {
  const [, set = '', letter = '', option = ''] = /^(\d+)(.)(.?)$/.exec(text)!;
  return {
    dtypes: sets[Number(set)]!,
    beyondTensors: dtypeSets[Number(set)]!.endsWith('+'),
    letter: letter === '*' ? undefined : letter,
    option: options[option as keyof typeof options] ?? 'variadic',
  };
}

const parsed = new Map<number, Signature>();

function signatureAt(index: number): Signature {
  let known = parsed.get(index);
  if (!known) {
    const [inputs, outputs] = signatures[index]!.split('>').map(list => (list === '' ? [] : list.split(' ').map(parseFormal)));
    known = { inputs: inputs!, outputs: outputs! };
    parsed.set(index, known);
  }
  return known;
}

const nothing: ReadonlySet<string> = new Set();

function parseRow([since, inputs, minInputs, maxInputs, maxOutputs, attributes, flags, index]: Row): OperatorVersion {
  const signature = signatureAt(index);
  return {
    since,
    inputs: inputs === '' ? [] : inputs.split(' '),
    minInputs,
    maxInputs: orInfinity(maxInputs),
    maxOutputs: orInfinity(maxOutputs),
    attributes: new Map(
      Object.entries(attributes).map(([name, [type, dflt]]) => [
        name,
        {
          type: (type as string).replace('!', ''),
          default: dflt as AttributeSchema['default'],
          required: (type as string).endsWith('!'),
        },
      ]),
    ),
    dtypes: signature.inputs[0]?.dtypes ?? nothing,
    signature,
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

/** The newest operator set of ONNX's own domain that the table knows of. */
export function newestOpset(): number {
  newest ??= Math.max(...Object.entries(rows).flatMap(([key, versions]) => (key.startsWith(':') ? versions.map(([since]) => since) : [])));
  return newest;
}
let newest: number | undefined;

/** The names of ONNX's own operators. */
export function operatorNames(): OpName[] {
  return Object.keys(rows).flatMap(key => (key.startsWith(':') ? [key.slice(1) as OpName] : []));
}
