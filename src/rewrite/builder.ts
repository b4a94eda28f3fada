import type { Attribute } from '../ir/attribute.ts';
import { type Attrs, attributeFor, plain, sameValue } from '../ir/attrs.ts';
import { constantValue, type Graph } from '../ir/graph.ts';
import type { FunctionDef, Model } from '../ir/model.ts';
import type { Names } from '../ir/names.ts';
import { Node } from '../ir/node.ts';
import { opOf } from '../ir/op.ts';
import { Value } from '../ir/value.ts';
import { type OperatorVersion, type OpName, type Ops, operatorAt } from '../ops/schema.ts';
import { Tensor } from '../tensor/tensor.ts';
import { importProblem } from './import-function.ts';
import { instantiate } from './instantiate.ts';
import type { Match } from './match.ts';
import { provenanceOf } from './provenance.ts';
import { type ReasonCode, Refusal } from './refusal.ts';
import { settle } from './settle.ts';

/** An operand: a value, a new or captured tensor, or nothing. */
export type Arg = Value | Tensor | undefined;

type In<I extends readonly string[]> = I extends readonly [infer H extends string, ...infer R extends readonly string[]]
  ? H extends `...${string}`
    ? (Value | Tensor)[]
    : H extends `${string}?`
      ? [Arg?, ...In<R>]
      : [Value | Tensor, ...In<R>]
  : [];

type Builders = {
  readonly [K in OpName]: (...args: [...In<Ops<Graph>[K]['inputs']>, attrs?: Partial<Attrs<K>>]) => Value;
};

/** Builds a replacement. Nothing it makes touches the graph until the driver splices it in. */
export type Builder = Builders & {
  /** Leaves the match alone, with a reason. */
  refuse(code: ReasonCode, detail?: string): Refusal;
  /** Says what a person should know about this rewrite, such as how far it is from exact. */
  note(text: string): void;
  /** Says how far this rewrite may move its result: |y − y′| ≤ error·(max |x| + 1), x what the rewritten computation takes in. */
  bound(error: number): void;
  /** Applies an operator of any domain, such as a model-local function. */
  call(
    op: { readonly domain: string; readonly name: string },
    inputs: readonly Arg[],
    attributes?: Readonly<Record<string, Attribute>>,
  ): Value;
  /** The body of a single-output function, as if it had been called and inlined. */
  inline(f: FunctionDef, inputs: readonly Arg[], attributes?: Readonly<Record<string, Attribute>>): Value;
  /** The operator set version the replacement is written in. */
  readonly opset: number;
};

/** Where a replacement is being built. */
export interface Site {
  readonly match: Match;
  readonly names: Names;
  readonly model: Model;
  /** The operator sets that the graph is written in: the model's, or a function's. */
  readonly opsets: Map<string, number>;
  /** What new names begin with: the name of the root's first result. */
  readonly root: string;
  /** Where a graph can't have initializers (function bodies; nested graphs before IR version 4), constants become Constant nodes. */
  readonly literals: boolean;
  /** The pass at work, noted in the nodes it makes. */
  readonly pass: string;
  /** The largest bound on a change of results that is allowed. */
  readonly maxError: number | undefined;
}

/** New nodes and constants of one replacement, in order. */
export class Draft {
  readonly nodes: Node[] = [];
  readonly constants: Value[] = [];
  /** Functions that the nodes call. */
  readonly functions = new Set<FunctionDef>();
  /** What the report says of it. */
  note: string | undefined;
  /** How far the result may move. */
  bound: number | undefined;
  /** Why the draft can't be used. */
  refusal: Refusal | undefined;
  readonly #site: Site;
  readonly #lifted = new Map<Tensor, Value>();
  /** Matched nodes whose name a new node has taken over. */
  readonly #namesakes = new Set<Node>();

  constructor(site: Site) {
    this.#site = site;
  }

  get builder(): Builder {
    return makeBuilder(this.#site, this);
  }

  /** The value of an operand: a captured tensor is the value it was captured from, a new one becomes a constant named after its place. */
  lift(arg: Arg, formal: string): Value | undefined {
    if (!(arg instanceof Tensor)) return arg;
    const known = this.#site.match.valueOf(arg) ?? this.#lifted.get(arg);
    if (known) return known;
    const settled = settle(arg);
    if (settled instanceof Refusal) this.refusal ??= settled;
    const value = this.#constant(`${this.#site.root}_${formal}`, settled instanceof Refusal ? arg : settled);
    this.#lifted.set(arg, value);
    return value;
  }

  apply(
    domain: string,
    name: string,
    inputs: readonly Arg[],
    attributes: ReadonlyMap<string, Attribute>,
    formals: readonly string[],
  ): Value {
    const given = inputs.slice(0, inputs.findLastIndex(a => a !== undefined) + 1);
    const operands = given.map((arg, i) => this.lift(arg, formals[i] ?? formals.at(-1) ?? String(i)));
    return this.#node(domain, name, operands, `${this.#site.root}_${name}`, attributes);
  }

  call(f: FunctionDef, inputs: readonly Arg[], attributes: ReadonlyMap<string, Attribute>): Value {
    this.refusal ??= importProblem(this.#site.model, f);
    this.functions.add(f);
    return this.apply(
      f.domain,
      f.name,
      inputs,
      attributes,
      f.body.inputs.map(v => v.name),
    );
  }

  inline(f: FunctionDef, inputs: readonly Arg[], attributes: ReadonlyMap<string, Attribute>): Value {
    const { names, root } = this.#site;
    const operands = inputs.map((arg, i) => this.lift(arg, f.body.inputs[i]?.name ?? String(i)));
    const { nodes, outputs } = instantiate(f, { inputs: operands, attributes, label: root, metadata: this.#provenance }, names);
    this.nodes.push(...nodes);
    return outputs[0]!;
  }

  /** Lets go of what the draft uses: it will not be spliced in. */
  discard(): void {
    for (const node of this.nodes) node.release();
    for (const value of [...this.constants, ...this.nodes.flatMap(n => n.outputs)]) this.#site.names.release(value.name);
  }

  get #provenance(): ReadonlyMap<string, string> {
    return provenanceOf(this.#site.pass, this.#site.match.nodes);
  }

  #constant(hint: string, tensor: Tensor): Value {
    if (this.#site.literals) return this.#node('', 'Constant', [], hint, new Map([['value', { type: 'tensor', value: tensor }]]));
    const value = constantValue(this.#site.names.fresh(hint), tensor);
    this.constants.push(value);
    return value;
  }

  #node(
    domain: string,
    name: string,
    operands: readonly (Value | undefined)[],
    hint: string,
    attributes: ReadonlyMap<string, Attribute>,
  ): Value {
    const { match, names, opsets } = this.#site;
    const fits = (n: Node) => n.op.name === name && n.op.domain === domain && !this.#namesakes.has(n) && match.goes(n);
    const namesake = match.nodes.find(fits);
    if (namesake) this.#namesakes.add(namesake);
    // What the file said about a node stays with the one that takes its place: name, doc string, metadata.
    const { name: label = '', metadata = [], origin } = namesake ?? {};
    const extras = { name: label, attributes, metadata: new Map([...metadata, ...this.#provenance]), origin };
    const node = new Node(opOf(domain, name, '', opsets), operands, [{ name: names.fresh(hint) }], extras);
    this.nodes.push(node);
    return node.outputs[0]!;
  }
}

const isAttributes = (arg: unknown): arg is Record<string, unknown> =>
  typeof arg === 'object' && !(arg instanceof Value) && !(arg instanceof Tensor);

function makeBuilder(site: Site, draft: Draft): Builder {
  const opset = site.opsets.get('') ?? 0;
  const own = {
    opset,
    refuse: (code: ReasonCode, detail?: string) => new Refusal(code, detail),
    note(text: string) {
      draft.note = text;
    },
    bound(error: number) {
      draft.bound = error;
      if (error > (site.maxError ?? Number.POSITIVE_INFINITY))
        draft.refusal ??= new Refusal(
          'E_ERROR',
          `outputs might differ by ${error.toPrecision(2)}·(max |x| + 1), above the ${site.maxError} allowed`,
        );
    },
    call: (f: FunctionDef, inputs: readonly Arg[], attributes: Readonly<Record<string, Attribute>> = {}) =>
      draft.call(f, inputs, new Map(Object.entries(attributes))),
    inline: (f: FunctionDef, inputs: readonly Arg[], attributes: Readonly<Record<string, Attribute>> = {}) =>
      draft.inline(f, inputs, new Map(Object.entries(attributes))),
  };
  return new Proxy(own, {
    get(target, key) {
      if (Object.hasOwn(target, key)) return target[key as keyof typeof own];
      return (...args: unknown[]) => {
        const attrs = isAttributes(args.at(-1)) ? (args.pop() as Record<string, unknown>) : {};
        const schema = operatorAt('', key as string, opset);
        if (!schema) throw new TypeError(`operator set ${opset} has no ${String(key)}`);
        return draft.apply('', key as string, args as Arg[], encode(attrs, schema, site.match), schema.inputs);
      };
    },
  }) as unknown as Builder;
}

/** Plain attribute values as attributes: unchanged ones as they were, defaults left out. */
function encode(attrs: Readonly<Record<string, unknown>>, schema: OperatorVersion, match: Match): Map<string, Attribute> {
  const encoded = new Map<string, Attribute>();
  for (const [name, value] of Object.entries(attrs)) {
    if (value === undefined) continue;
    const known = schema.attributes.get(name);
    const original = match.attributesNamed(name).find(a => sameValue(plain(a), value) && (!known || a.type === known.type));
    if (original) encoded.set(name, original);
    else if (!known) throw new TypeError(`the operator's version ${schema.since} has no attribute ${name}`);
    else if (!sameValue(value, known.default)) encoded.set(name, attributeFor(known.type, value));
  }
  return encoded;
}
