import { join } from 'node:path';
import { ProviderUnavailable } from '../errors.ts';
import { Tensor } from '../tensor/tensor.ts';
import { describeAdapter } from './adapters.ts';
import type { Child, Limits } from './child.ts';
import { RuntimeFailure } from './failure.ts';
import type { Optimization } from './optimization.ts';
import { type Packed, type Placement, pack, type Replies, unpack, type ValueMetadata, type WireTensor } from './protocol.ts';
import { providerClass } from './providers.ts';

/** Values by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What a session needs of the runtime that opened it. @internal */
export interface Host {
  readonly child: Child;
  readonly limits: Limits;
  readonly env: Readonly<Record<string, string>>;
  readonly backends: readonly string[];
  /** Runs a task when those before it are done. */
  enqueue<T>(task: () => Promise<T>): Promise<T>;
  /** Called when a session is closed. */
  onClose(): void;
}

/** A model that ONNX Runtime has loaded. It lives as long as the child process that holds it: after a crash every call fails. */
export class Session {
  readonly provider: string;
  readonly optimization: Optimization;
  /** The inputs that must be fed. */
  readonly inputs: readonly ValueMetadata[];
  readonly outputs: readonly ValueMetadata[];
  /** Where the work goes, in words, such as `software adapter (SwiftShader)`. */
  readonly adapter: string;
  /** Wall-clock milliseconds that loading took inside the runtime. */
  readonly loadMilliseconds: number;
  readonly #id: number;
  readonly #host: Host;
  #placement: Placement | undefined;
  #milliseconds = 0;
  #runs = 0;
  #closed = false;

  constructor(opened: Replies['open'], provider: string, optimization: Optimization, host: Host) {
    this.#id = opened.session;
    this.inputs = opened.inputs;
    this.outputs = opened.outputs;
    this.loadMilliseconds = opened.milliseconds;
    this.provider = provider;
    this.optimization = optimization;
    this.adapter = describeAdapter(provider, host.env);
    this.#host = host;
  }

  /** Whether it can be run: it was not closed, and the process that holds it still lives. */
  get isOpen(): boolean {
    return !this.#closed && this.#host.child.end === undefined;
  }
  /** Where the nodes ran, known after the first run when it was asked for; always for providers other than `cpu`. */
  get placement(): Placement | undefined {
    return this.#placement;
  }
  /** Wall-clock milliseconds that the last run took inside the runtime. */
  get milliseconds(): number {
    return this.#milliseconds;
  }

  /**
   * Runs the model once. `outputs` picks the outputs to compute; default: all.
   * @throws RuntimeFailure, and ProviderUnavailable when the provider took not a single node: a silent CPU run is no run.
   */
  async run(feeds: Tensors, outputs?: readonly string[]): Promise<Tensors> {
    const { child, limits, enqueue } = this.#host;
    const reply = await enqueue(() => child.ask({ op: 'run', session: this.#id, feeds: this.#packed(feeds), outputs }, limits));
    this.#milliseconds = reply.milliseconds;
    const results = mapValues(unpack(reply.outputs), fromWire);
    if (reply.placement) this.#place(reply.placement);
    return results;
  }

  /**
   * Runs the model several times on the same feeds and returns the wall-clock milliseconds of each run inside the runtime; outputs are
   * dropped. Without `feeds`, those of the last call: they are sent once.
   * @throws as `run` does.
   */
  async repeat(times: number, feeds?: Tensors): Promise<readonly number[]> {
    const { child, limits, enqueue } = this.#host;
    const { milliseconds, placement } = await enqueue(() =>
      child.ask({ op: 'repeat', session: this.#id, feeds: feeds && this.#packed(feeds), times }, limits),
    );
    if (placement) this.#place(placement);
    return milliseconds;
  }

  /** Lets the model go. */
  async close(): Promise<void> {
    const { child, limits, enqueue, onClose } = this.#host;
    if (!this.isOpen) return;
    this.#closed = true;
    await enqueue(() => child.ask({ op: 'release', session: this.#id }, limits));
    onClose();
  }

  #packed(feeds: Tensors): Packed {
    const missing = this.inputs.find(input => !Object.hasOwn(feeds, input.name));
    if (missing) throw new RuntimeFailure('error', 'shape', `input '${missing.name}' is not fed`);
    return pack(mapValues(feeds, toWire), join(this.#host.child.folder, `in-${this.#id}-${this.#runs++}.bin`));
  }

  #place(placement: Placement): void {
    this.#placement = placement;
    const total = Object.values(placement.nodes).reduce((a, b) => a + b, 0);
    const taken = placement.nodes[providerClass(this.provider)] ?? 0;
    if (taken > 0 || total === 0) return;
    const why = `none of the model's ${total} nodes runs on it, all fell back to the CPU`;
    throw new ProviderUnavailable(this.provider, why, this.#host.backends, 'ask for another provider, such as cpu');
  }
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, f: (a: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, a]) => [name, f(a)]));
}

function toWire(t: Tensor): WireTensor {
  const data = t.dtype === 'string' ? t.strings().map(s => Buffer.from(s).toString()) : t.bytes();
  return { dtype: t.dtype, dims: [...t.dims], data };
}

/** Strings come back as UTF-8, whatever they were. */
function fromWire({ dtype, dims, data }: WireTensor): Tensor {
  if (data instanceof Uint8Array) return Tensor.stored(dtype, dims, { bytes: () => data });
  return Tensor.ofStrings(
    dims,
    (data as readonly string[]).map(s => Buffer.from(s)),
  );
}
