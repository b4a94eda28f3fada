import { rmSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { ProviderUnavailable } from '../errors.ts';
import { Tensor } from '../tensor/tensor.ts';
import { describeAdapter } from './adapters.ts';
import { Child, type Limits } from './child.ts';
import { RuntimeFailure, rethrown } from './failure.ts';
import { Session, type Tensors } from './open-session.ts';
import type { Optimization } from './optimization.ts';
import { inlineLimit, type ModelInterface, type Placement, type Replies, type Request, type WireModel, writePieces } from './protocol.ts';
import { checkProviderName, childEnvironment, unavailable } from './providers.ts';
import { usualTimeout } from './time-limit.ts';

export type { Tensors } from './open-session.ts';
export type { Optimization } from './optimization.ts';
export type { ModelInterface, Placement, ValueMetadata } from './protocol.ts';
export { Session };

/** A model file, or a model in memory; `directory` is where external data of bytes is found. */
export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array; readonly directory?: string | undefined };

/** The same, or a model whose bytes are made while they are written, so that they never are all in memory. */
export type LoadableModel = ModelSource | { readonly pieces: Iterable<Uint8Array> };

export interface RuntimeOptions {
  /** Milliseconds that one request (load, or run) may take. Default 300,000. */
  readonly timeout?: number;
  /** Bytes of memory that the runtime may take (best effort, Linux). Default: three quarters of the machine's. */
  readonly memoryLimit?: number;
}

export interface SessionOptions {
  /** Default `cpu`. */
  readonly provider?: string;
  /** Default `disabled`: the reference. */
  readonly optimization?: Optimization;
  /** Threads inside an operator; default: ONNX Runtime's choice. 1 makes results independent of the machine's core count. */
  readonly threads?: number;
  /** Threads rest between runs: else those of one process spin on into what another one measures. Default false. */
  readonly restBetweenRuns?: boolean;
  /** Count the nodes per provider in the first run, and refuse a provider that takes none; default: for providers other than `cpu`. */
  readonly placement?: boolean;
}

export interface RunRequest extends SessionOptions {
  readonly model: LoadableModel;
  /** One run for each. */
  readonly feeds: readonly Tensors[];
}

export interface RunResult {
  readonly outputs: readonly Tensors[];
  readonly adapter: string;
  readonly placement: Placement | undefined;
}

export type Probe =
  | { readonly available: true; readonly adapter: string }
  | { readonly available: false; readonly why: string; readonly remedy: string };

/** Bytes; a child without a model takes half of it. To start one takes half a second. */
const muchMemory = 200e6;

const probes = new Map<string, Promise<Probe>>();

/** Whole paths as ONNX Runtime writes them, and as they were given: reports of two checkouts are then the same. */
function namesOf(model: LoadableModel): (readonly [string, string])[] {
  const folder = 'path' in model ? dirname(model.path) : 'bytes' in model ? model.directory : undefined;
  const own = 'path' in model ? [[resolve(model.path), model.path] as const] : [];
  return folder === undefined ? own : [...own, [resolve(folder) + sep, folder === '.' ? '' : folder + sep]];
}

/** Relu on one float, IR 8, opset 13: the smallest question to put to a provider. */
const smallest = Buffer.from('CAg6KwoMCgF4EgF5IgRSZWx1EgFnWgsKAXgSBgoECAESAGILCgF5EgYKBAgBEgBCBAoAEA0=', 'base64');

/**
 * ONNX Runtime in a child process: whatever happens there ends as a `RuntimeFailure` here.
 * The process starts with the first request, is reused for the next ones and is started anew after a crash. Requests run one at a time.
 */
export class Runtime {
  readonly #limits: Limits;
  readonly #env = childEnvironment();
  #child: Child | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #peak = 0;
  #files = 0;
  /** Sessions of the child. */
  readonly #open = new Set<number>();
  #description: Replies['describe'] | undefined;

  constructor(options: RuntimeOptions = {}) {
    this.#limits = { timeout: options.timeout ?? usualTimeout, memory: options.memoryLimit ?? totalmem() * 0.75 };
  }

  /** Milliseconds that one request may take. */
  get timeout(): number {
    return this.#limits.timeout;
  }

  /** Largest resident memory of the child so far, in bytes; 0 where it can't be measured (other than Linux). */
  get peakMemory(): number {
    return Math.max(this.#peak, this.#child?.peakMemory ?? 0);
  }

  /** What a provider runs on here, as far as that can be told without asking it, such as `software adapter (SwiftShader)`. */
  adapterOf(provider: string): string {
    return describeAdapter(provider, this.#env);
  }

  /** ONNX Runtime's version and the providers that its build knows; `bundled` tells whether the library came with the package. */
  async describe(): Promise<Replies['describe']> {
    try {
      this.#description ??= await this.#ask(() => ({ op: 'describe' }));
      return this.#description;
    } catch (error) {
      throw error instanceof RuntimeFailure && error.category === 'provider-missing' ? unavailable('cpu', error.message, []) : error;
    }
  }

  /**
   * Inputs and outputs of a model with their types, as ONNX Runtime's own inference finds them: outputs declared by name only come back typed.
   * `strictShapes` turns declared shapes that contradict the inferred ones into errors.
   * @throws RuntimeFailure
   */
  async outputTypes(model: LoadableModel, options: { readonly strictShapes?: boolean } = {}): Promise<ModelInterface> {
    return this.#askWith(model, wire => ({ op: 'interface', model: wire, strictShapes: options.strictShapes ?? false }));
  }

  /**
   * Loads a model.
   * @throws FunnelError `E_USAGE` for an unknown provider name, ProviderUnavailable for one that is not there, RuntimeFailure else.
   */
  async open(model: LoadableModel, options: SessionOptions = {}): Promise<Session> {
    const { provider = 'cpu', optimization = 'disabled', threads, restBetweenRuns = false } = options;
    checkProviderName(provider);
    const backends = (await this.describe()).backends.map(b => b.name);
    if (!backends.includes(provider))
      throw unavailable(provider, `onnxruntime-node has no such provider on ${process.platform}-${process.arch}`, backends);
    const measured = options.placement ?? provider !== 'cpu';
    try {
      const opened = await this.#askWith(model, (wire, child) => {
        const profile = measured ? join(child.folder, `profile-${this.#files++}`) : undefined;
        return { op: 'open', model: wire, options: { provider, optimization, threads, restBetweenRuns, profile } };
      });
      const host = {
        child: this.#child!,
        limits: this.#limits,
        env: this.#env,
        backends,
        enqueue: <T>(task: () => Promise<T>) => this.#enqueue(task),
        onClose: () => this.#open.delete(opened.session),
      };
      this.#open.add(opened.session);
      return new Session(opened, provider, optimization, host);
    } catch (error) {
      throw error instanceof RuntimeFailure && error.category === 'provider-missing'
        ? unavailable(provider, error.message, backends)
        : error;
    }
  }

  /** Loads a model, runs it on each of the feeds, and lets it go. @throws as `open` and `Session.run` do. */
  async run(request: RunRequest): Promise<RunResult> {
    const session = await this.open(request.model, request);
    try {
      const outputs: Tensors[] = [];
      for (const feeds of request.feeds) outputs.push(await session.run(feeds));
      return { outputs, adapter: session.adapter, placement: session.placement };
    } finally {
      await session.close();
    }
  }

  /** Whether a provider can be used here: runs one operator on it. Asked once a process. @throws FunnelError `E_USAGE` for an unknown name. */
  async probe(provider: string): Promise<Probe> {
    checkProviderName(provider);
    const known = probes.get(provider) ?? this.#probe(provider);
    probes.set(provider, known);
    return known;
  }

  /**
   * Gives back the memory of models that were let go, which the child keeps for others: where it takes more than `over` bytes and no session is
   * open, it ends, and the next request starts another. Returns whether it did.
   */
  async forget(over = muchMemory): Promise<boolean> {
    const isMuch = this.#open.size === 0 && (this.#child?.residentMemory ?? 0) > over;
    if (isMuch) await this.#enqueue(() => this.close());
    return isMuch;
  }

  /** Ends the child process. A later request starts another. */
  async close(): Promise<void> {
    this.#child?.kill();
  }

  async #probe(provider: string): Promise<Probe> {
    try {
      const { adapter } = await this.run({
        model: { bytes: smallest },
        provider,
        optimization: 'all',
        feeds: [{ x: Tensor.of('float', [], [1]) }],
      });
      return { available: true, adapter };
    } catch (error) {
      if (error instanceof ProviderUnavailable) return { available: false, why: error.why, remedy: error.remedy };
      if (error instanceof RuntimeFailure) return { available: false, why: error.message, remedy: unavailable(provider, '', []).remedy };
      throw error;
    }
  }

  /** A request about a model: bytes beyond the channel's limit go through a file, which ONNX Runtime also reads without a copy of its own. */
  #askWith<K extends Request['op']>(
    model: LoadableModel,
    request: (wire: WireModel, child: Child) => Extract<Request, { op: K }>,
  ): Promise<Replies[K]> {
    let file: string | undefined;
    const names = new Map(namesOf(model));
    const wire = (child: Child): WireModel => {
      if ('path' in model) return { path: resolve(model.path) };
      const directory = 'bytes' in model ? model.directory : undefined;
      if ('bytes' in model && model.bytes.byteLength <= inlineLimit && directory === undefined) return { bytes: model.bytes };
      file = join(child.folder, `model-${this.#files++}.onnx`);
      names.set(basename(file), 'the model');
      writePieces(file, 'bytes' in model ? [model.bytes] : model.pieces);
      return directory === undefined ? { path: file } : { file, directory: resolve(directory) };
    };
    return this.#ask(child => request(wire(child), child))
      .catch(error => rethrown(error, names))
      .finally(() => file !== undefined && rmSync(file, { force: true }));
  }

  #ask<K extends Request['op']>(request: (child: Child) => Extract<Request, { op: K }>): Promise<Replies[K]> {
    return this.#enqueue(() => {
      const child = this.#live();
      return child.ask<K>(request(child), this.#limits);
    });
  }

  #live(): Child {
    if (this.#child && !this.#child.end) return this.#child;
    this.#peak = this.peakMemory;
    this.#open.clear();
    this.#child = new Child(this.#env);
    return this.#child;
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result;
  }
}
