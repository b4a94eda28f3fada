import type { Model } from '../ir/model.ts';
import { labelOf, type Node } from '../ir/node.ts';
import { displayOp } from '../ir/op.ts';
import type { Value } from '../ir/value.ts';
import { toldBy } from '../rewrite/provenance.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { Runtime, SessionOptions, Tensors } from '../runtime/session.ts';
import type { DType } from '../tensor/dtype.ts';
import { sameBits } from '../tensor/fingerprint.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Chain, type Given, orderOf, runCut, sorted } from './chain.ts';
import { type Configuration, isReference, referenceConfiguration } from './configuration.ts';
import { cut } from './cut.ts';
import { type Judgement, judge } from './judge.ts';
import type { Drift, Layer, NodeRef } from './layer-report.ts';
import { perturbed, withPerturbedWeights } from './perturb.ts';
import { precisionWithin } from './precision.ts';
import type { Segment } from './shared-values.ts';
import { Wakes } from './wakes.ts';

export interface LayerOptions {
  readonly where: Configuration;
  readonly threads: number;
  readonly seed: number;
  /** The floating type that layers compute in; default: what their nodes say. */
  readonly precision: DType | undefined;
  /** Whether B as a whole does not run there. */
  readonly fails: boolean;
  /** Where to write the smallest subgraphs that differ. */
  readonly folder: string | undefined;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** What is known of a difference, and of what it was computed from. */
export interface Suspect {
  readonly segment: Segment;
  /** How far it is off, in words. */
  readonly message: string;
  /** Of A and of B, what the segment starts from and ends in; only of the first few: they take memory. */
  readonly values: ReadonlyMap<Value, Tensor> | undefined;
}

/** Suspects whose inputs are kept. */
const kept = 4;

/** Both models on their way from the inputs to the outputs. */
export class Walk {
  readonly wakes = new Wakes<Suspect>();
  readonly layers: Layer[] = [];
  readonly #runtime: Runtime;
  readonly #a: Model;
  readonly #b: Model;
  readonly #options: LayerOptions;
  readonly #session: SessionOptions;
  readonly #twins: ReadonlyMap<Value, Value>;
  readonly #order: ReadonlyMap<Node, number>;
  readonly #outputs: ReadonlySet<Value>;
  readonly #ofA: Chain;
  readonly #ofB: Chain;
  /** Values of B that have A's bits. */
  readonly #identical = new Set<Value>();
  readonly #lastUse = new Map<Value, number>();
  /** A's values, under B's names. */
  readonly #pure: Given;
  readonly #own: Given;
  /** Bytes of the values that the last visit brought. */
  bytes = 0;

  constructor(
    runtime: Runtime,
    a: Model,
    b: Model,
    segments: readonly Segment[],
    twins: ReadonlyMap<Value, Value>,
    feeds: Tensors,
    options: LayerOptions,
  ) {
    const { threads, where } = options;
    this.#runtime = runtime;
    this.#a = a;
    this.#b = b;
    this.#options = options;
    this.#session = { ...where, threads };
    this.#twins = twins;
    this.#order = orderOf(b);
    this.#outputs = new Set(b.graph.outputs);
    const targets = (of: 'a' | 'b') => segments.map(s => s[of]);
    this.#ofA = new Chain(runtime, a, { ...referenceConfiguration, threads }, feeds, targets('a'));
    this.#ofB = new Chain(runtime, b, this.#session, feeds, targets('b'));
    for (const [i, s] of segments.entries()) {
      for (const value of heldOf(s, twins)) this.#ofA.hold(value);
      this.#ofB.hold(s.b);
      for (const value of s.from) this.#lastUse.set(value, i);
    }
    for (const [value, twin] of twins) if (!value.producer && feeds[twin.name]) this.#identical.add(value);
    this.#pure = { get: value => this.#ofA.get(this.#twins.get(value) ?? value) };
    this.#own = { get: value => this.wakes.get(value) ?? this.#pure.get(value) };
  }

  /** Goes through some segments. @throws RuntimeFailure */
  async visit(chunk: readonly Segment[], start: number): Promise<void> {
    const before = this.#ofA.bytes;
    await this.#ofA.compute(chunk.map(s => s.a));
    await this.#ofB.compute(chunk.map(s => s.b));
    this.bytes = this.#ofA.bytes - before;
    for (const s of chunk) if (sameBits(this.#ofA.get(s.a)!, this.#ofB.get(s.b)!)) this.#identical.add(s.b);
    const isTrivial = (s: Segment) => this.#identical.has(s.b) && s.from.every(v => this.#identical.has(v));
    const pure = await this.#run(
      chunk.filter(s => !isTrivial(s)),
      this.#pure,
    );
    for (const [i, s] of chunk.entries()) {
      const layer = isTrivial(s) ? this.#untouched(s) : await this.#examine(s, pure.get(s.b) ?? this.#ofB.get(s.b)!);
      this.layers.push(layer);
      for (const value of heldOf(s, this.#twins)) this.#ofA.letGo(value);
      this.#ofB.letGo(s.b);
      for (const value of s.from) if (this.#lastUse.get(value)! <= start + i) this.wakes.delete(value);
    }
  }

  /** B does not run any further than to this segment: it is to blame where A's values stop it, too, or else what made B's own. */
  async stopAt(s: Segment, { message }: RuntimeFailure): Promise<void> {
    if (!this.#options.fails || !this.#ofA.get(s.a)) return;
    if ((await this.#run([s], this.#pure)).size > 0) this.wakes.stopAt(s.from);
    else this.wakes.blame({ segment: s, message: `it does not run: ${message}`, values: this.#kept(s) });
  }

  /** What a segment is to be run with on its own, where that is wanted. */
  #kept({ from, before, a }: Segment): ReadonlyMap<Value, Tensor> | undefined {
    if (this.#options.folder === undefined || this.wakes.origins.length >= kept) return undefined;
    return new Map([...[...before.from, a].map(v => [v, this.#ofA.get(v)!] as const), ...from.map(v => [v, this.#pure.get(v)!] as const)]);
  }

  #untouched({ b, a }: Segment): Layer {
    const none = { relativeL2: 0, maxAbs: 0 };
    return {
      value: b.name,
      node: refOf(b.producer!),
      elements: this.#ofA.get(a)!.size,
      status: 'same',
      local: { ...none, allowed: 0, violations: 0 },
      accumulated: none,
    };
  }

  async #examine(s: Segment, pure: Tensor): Promise<Layer> {
    const expected = this.#ofA.get(s.a)!;
    const local = await this.#judge(s, expected, pure, this.#pure);
    const disturbed = s.from.some(v => this.wakes.has(v));
    const tensor = disturbed ? ((await this.#run([s], this.#own)).get(s.b) ?? this.#ofB.get(s.b)!) : pure;
    const own = disturbed ? await this.#judge(s, expected, tensor, this.#own) : local;
    const better = local.same || !own.same ? local : own;
    const values = !local.same && !own.same ? this.#kept(s) : undefined;
    const traceless = sameBits(tensor, pure);
    const beside = own.same && !local.same ? await this.#beside(s, expected, tensor) : new Map();
    const alike = expected.dims.join() === pure.dims.join();
    const outcome = {
      value: s.b,
      alike,
      from: s.from,
      pure: local.same,
      own: own.same,
      traceless,
      beside,
      tensor,
      isOutput: this.#outputs.has(s.b),
    };
    this.wakes.note({ segment: s, message: local.message, values }, outcome);
    const accumulated = this.#identical.has(s.b)
      ? { relativeL2: 0, maxAbs: 0 }
      : judge(expected, this.#ofB.get(s.b)!, this.#circumstances(s, 0));
    return {
      value: s.b.name,
      node: refOf(s.b.producer!),
      elements: expected.size,
      // Which of the differences are faults is known at the end.
      status: better.same ? 'same' : 'different',
      local: { ...driftOf(better), allowed: better.allowed, violations: better.violations },
      accumulated: driftOf(accumulated),
    };
  }

  /** Of B's own values that come together in A's: those without which it is A's just as well. */
  async #beside(s: Segment, expected: Tensor, tensor: Tensor): Promise<Map<Value, { readonly traceless: boolean }>> {
    const idle = new Map<Value, { readonly traceless: boolean }>();
    const together = s.from.filter(v => this.wakes.has(v));
    if (together.length < 2) return idle;
    for (const v of together) {
      const given: Given = { get: value => (value === v ? this.#pure : this.#own).get(value) };
      const without = (await this.#run([s], given)).get(s.b);
      if (without && (await this.#judge(s, expected, without, given)).same) idle.set(v, { traceless: sameBits(without, tensor) });
    }
    // Each can be spared, and not all of them: they make up for it together.
    return idle.size === together.length ? new Map() : idle;
  }

  /** What is beyond the tolerance may still be the rounding that the layer makes of its inputs', or of its weights: then it widens the tolerance. */
  async #judge(s: Segment, expected: Tensor, actual: Tensor, given: Given): Promise<Judgement> {
    const first = judge(expected, actual, this.#circumstances(s, 0));
    if (first.same) return first;
    const here = await this.#judgeHere(s, actual);
    if (here?.same || first.hopeless) return here?.same ? here : first;
    const feeds = Object.fromEntries(s.from.map((v, i) => [String(i), given.get(v)!]));
    const moved = perturbed(feeds, this.#options.seed);
    const result = (await this.#run([s], { get: v => moved[String(s.from.indexOf(v))] })).get(s.b);
    // Where the size follows from values, it may be another.
    if (!result || result.dims.join() !== actual.dims.join()) return first;
    const { relativeL2, violations, maxAbs } = judge(actual, result, this.#circumstances(s, 0));
    const flips = { elements: violations, by: Number(maxAbs) };
    const second = judge(expected, actual, { ...this.#circumstances(s, Number(relativeL2)), flips });
    if (second.same) return second;
    const noise = Math.max(Number(relativeL2), await this.#noiseOfWeights(s, expected));
    return judge(expected, actual, { ...this.#circumstances(s, noise), flips });
  }

  /** By how much A's own layer moves when its weights move by one rounding: relative L2; 0 where that can't be run. */
  async #noiseOfWeights(s: Segment, expected: Tensor): Promise<number> {
    const session = { ...referenceConfiguration, threads: this.#options.threads };
    const moved = await this.#runBefore(s, session, model => withPerturbedWeights(model, this.#options.seed));
    if (!moved || moved.dims.join() !== expected.dims.join()) return 0;
    return Number(judge(expected, moved, this.#circumstances(s, 0)).relativeL2);
  }

  /** What the runtime itself does to a layer in this configuration is no fault of B: A's layer there is as good a reference. */
  async #judgeHere(s: Segment, actual: Tensor): Promise<Judgement | undefined> {
    if (isReference(this.#options.where)) return undefined;
    const tensor = await this.#runBefore(s, this.#session);
    return tensor && judge(tensor, actual, { ...this.#circumstances(s, 0), across: false });
  }

  /** What A's nodes of a segment, or what is made of them, compute from A's values; undefined where the runtime refuses them. */
  async #runBefore(s: Segment, session: SessionOptions, change = (model: Model): Model => model): Promise<Tensor | undefined> {
    const { nodes, from } = s.before;
    const feeds: Given = { get: v => (from.includes(v) ? this.#ofA.get(v) : undefined) };
    const part = cut(this.#a, nodes, feeds, [s.a]);
    const found = await runCut(this.#runtime, { ...part, model: change(part.model) }, session, feeds).catch(unlessRefused);
    return found?.get(s.a);
  }

  #circumstances(s: Segment, noise: number) {
    const { where, precision = precisionWithin(s.before.nodes, s.a) } = this.#options;
    return { noise, across: where.provider !== 'cpu', precision };
  }

  /** Runs segments, each from given values. A segment that does not run on these is left out. */
  async #run(segments: readonly Segment[], given: Given): Promise<ReadonlyMap<Value, Tensor>> {
    if (segments.length === 0) return new Map();
    const nodes = sorted(new Set(segments.flatMap(s => s.nodes)), this.#order);
    const isStart = new Set(segments.flatMap(s => s.from));
    const feeds: Given = { get: v => (isStart.has(v) ? given.get(v) : undefined) };
    const part = cut(
      this.#b,
      nodes,
      feeds,
      segments.map(s => s.b),
    );
    const found = await runCut(this.#runtime, part, this.#session, feeds).catch(unlessRefused);
    if (found) return found;
    const results = new Map<Value, Tensor>();
    if (segments.length > 1)
      for (const s of segments) for (const [value, tensor] of await this.#run([s], given)) results.set(value, tensor);
    return results;
  }
}

/** The values of A that a segment needs: what it starts from in either model, and what it ends in. */
function heldOf({ a, from, before }: Segment, twins: ReadonlyMap<Value, Value>): Set<Value> {
  return new Set([a, ...before.from, ...from.map(v => twins.get(v)!)]);
}

/** What the runtime refuses to run counts as nothing; that it died, or took too long, does not. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof RuntimeFailure) || error.kind !== 'error') throw error;
}

const driftOf = ({ relativeL2, maxAbs }: Drift): Drift => ({ relativeL2, maxAbs });

export function refOf(node: Node): NodeRef {
  return { name: labelOf(node), operator: displayOp(node.op), ...toldBy(node) };
}
