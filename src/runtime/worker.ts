import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import type { Binding } from 'onnxruntime-node/dist/binding.js';
import { type DType, dtypeOfCode } from '../tensor/dtype.ts';
import {
  type ModelInterface,
  type OpenOptions,
  type Packed,
  type Placement,
  pack,
  type Replies,
  type Reply,
  type Request,
  unpack,
  type ValueMetadata,
  type WireModel,
  type WireTensor,
} from './protocol.ts';

/** The child process. A crash of the native library ends this process and nothing else. */

/** The binding under onnxruntime-node's own API: that one refuses a model with a bfloat16 or float8 value at its edge before its types can be read. */
const runtime = async () => {
  // Node 24 has Float16Array, which onnxruntime-common prefers and the native library can't read; without it both agree on Uint16Array.
  Reflect.deleteProperty(globalThis, 'Float16Array');
  const ort = await import('onnxruntime-node');
  ort.env.logLevel = 'fatal';
  const native = await import('onnxruntime-node/dist/binding.js');
  native.initOrt();
  return { Tensor: ort.Tensor, version: ort.env.versions.common, binding: native.binding };
};
let loaded: ReturnType<typeof runtime> | undefined;

interface OpenSession {
  readonly native: Binding.InferenceSession;
  readonly outputs: readonly string[];
  readonly provider: string;
  /** Path prefix of a profile that is still being written. */
  profile: string | undefined;
  /** What `repeat` runs on. */
  held: Record<string, OrtTensor>;
}

const sessions = new Map<number, OpenSession>();
let counter = 0;
const folder = process.argv[2]!;

process.on('message', (request: Request) => {
  handle(request).then(
    value => answer({ ok: true, value }),
    (error: unknown) => answer({ ok: false, message: error instanceof Error ? error.message : String(error) }),
  );
});
/** A parent that is killed says nothing, and while the native library computes nobody here listens: a thread watches for it. */
const watch = `const parent = process.ppid; setInterval(() => {
  if (process.ppid === parent) return;
  require('node:fs').rmSync(${JSON.stringify(folder)}, { recursive: true, force: true });
  process.kill(process.pid, 'SIGKILL');
}, 500)`;
new Worker(watch, { eval: true }).unref();

// Ctrl-C goes to the parent too, which may want the answer that is under way; when it ends, so does this process.
process.on('SIGINT', () => {});

process.on('disconnect', () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit();
});

function answer(reply: Reply): void {
  process.send?.(reply);
}

async function handle(request: Request): Promise<Replies[keyof Replies]> {
  loaded ??= runtime();
  const { Tensor, version, binding } = await loaded;
  switch (request.op) {
    case 'describe':
      return { version, backends: binding.listSupportedBackends() };
    case 'interface': {
      const native = new binding.InferenceSession();
      const extra = request.strictShapes ? { session: { strict_shape_type_inference: '1' } } : {};
      load(native, request.model, { graphOptimizationLevel: 'disabled', extra });
      const found = interfaceOf(native);
      native.dispose();
      return found;
    }
    case 'open': {
      const native = new binding.InferenceSession();
      const start = performance.now();
      load(native, request.model, sessionOptions(request.options));
      const milliseconds = performance.now() - start;
      const found = interfaceOf(native);
      const { provider, profile } = request.options;
      sessions.set(++counter, { native, outputs: found.outputs.map(o => o.name), provider, profile, held: {} });
      return { session: counter, milliseconds, ...found };
    }
    case 'run':
      return run(sessions.get(request.session)!, request.feeds, request.outputs, Tensor);
    case 'repeat':
      return repeat(sessions.get(request.session)!, request.feeds, request.times, Tensor);
    case 'release':
      sessions.get(request.session)?.native.dispose();
      sessions.delete(request.session);
      return {};
  }
}

type Options = NonNullable<Parameters<Binding.InferenceSession['loadModel']>[3]>;

function sessionOptions(o: OpenOptions): Options {
  return {
    executionProviders: [o.provider],
    graphOptimizationLevel: o.optimization,
    ...(o.threads === undefined ? {} : { intraOpNumThreads: o.threads }),
    ...(o.restBetweenRuns ? { extra: { session: { force_spinning_stop: '1' } } } : {}),
    ...(o.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: o.profile }),
  };
}

function load(native: Binding.InferenceSession, model: WireModel, options: Options): void {
  if ('path' in model) {
    native.loadModel(model.path, options);
    return;
  }
  const bytes = 'bytes' in model ? model.bytes : readFileSync(model.file);
  // Without a folder of its own, a model in memory must not find external data in whatever the working folder is.
  const directory = 'directory' in model ? model.directory : folder;
  const entries = { ...(options.extra?.session as object | undefined), model_external_initializers_file_folder_path: directory };
  const extra = { ...options.extra, session: entries };
  native.loadModel(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, { ...options, extra });
}

function interfaceOf(native: Binding.InferenceSession): ModelInterface {
  return { inputs: native.inputMetadata.map(metadata), outputs: native.outputMetadata.map(metadata) };
}

function metadata(m: Binding.ValueMetadata): ValueMetadata {
  if (!m.isTensor) return { name: m.name, dtype: undefined, shape: [] };
  const shape = m.shape.map((size, i) => (size === -1 ? m.symbolicDimensions[i] || undefined : size));
  return { name: m.name, dtype: dtypeOfCode(m.type), shape };
}

const renamed: Readonly<Record<string, string>> = { float: 'float32', double: 'float64' };
const named: Readonly<Record<string, DType>> = { float32: 'float', float64: 'double' };

const arrays: Readonly<Record<string, { new (b: ArrayBufferLike, o: number, n: number): ArrayLike<unknown>; BYTES_PER_ELEMENT: number }>> =
  {
    float: Float32Array,
    double: Float64Array,
    float16: Uint16Array,
    int8: Int8Array,
    int16: Int16Array,
    uint16: Uint16Array,
    int32: Int32Array,
    uint32: Uint32Array,
    int64: BigInt64Array,
    uint64: BigUint64Array,
  };

type TensorClass = { new (type: OrtTensor.Type, data: OrtTensor.DataType, dims: readonly number[]): OrtTensor };

function toNative(t: WireTensor, Tensor: TensorClass): OrtTensor {
  const type = (renamed[t.dtype] ?? t.dtype) as OrtTensor.Type;
  if (!(t.data instanceof Uint8Array)) return new Tensor(type, t.data as string[], t.dims);
  const View = arrays[t.dtype] ?? Uint8Array;
  const size = View.BYTES_PER_ELEMENT;
  // `slice` of a Buffer would be another view of the same bytes.
  const bytes = t.data.byteOffset % size === 0 ? t.data : new Uint8Array(t.data);
  return new Tensor(type, new View(bytes.buffer, bytes.byteOffset, bytes.byteLength / size) as OrtTensor.DataType, t.dims);
}

function fromNative(t: OrtTensor): WireTensor {
  const dtype = named[t.type] ?? (t.type as DType);
  if (t.type === 'string') return { dtype, dims: t.dims, data: t.data as string[] };
  const data = t.data as Uint8Array;
  return { dtype, dims: t.dims, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

const fedFrom = (feeds: Packed, Tensor: TensorClass) =>
  Object.fromEntries(Object.entries(unpack(feeds)).map(([name, t]) => [name, toNative(t, Tensor)]));
const fetchedOf = (outputs: readonly string[]) => Object.fromEntries(outputs.map(name => [name, null]));

function repeat(session: OpenSession, feeds: Packed | undefined, times: number, Tensor: TensorClass): Replies['repeat'] {
  if (feeds) session.held = fedFrom(feeds, Tensor);
  const milliseconds: number[] = [];
  for (let i = 0; i < times; i++) {
    const fetched = fetchedOf(session.outputs);
    const start = performance.now();
    session.native.run(session.held, fetched, {});
    milliseconds.push(performance.now() - start);
  }
  // Else dropped outputs pile up, and count as memory that the model takes.
  globalThis.gc?.();
  return { placement: placementOf(session), milliseconds };
}

function run(session: OpenSession, feeds: Packed, wanted: readonly string[] | undefined, Tensor: TensorClass): Replies['run'] {
  const fed = fedFrom(feeds, Tensor);
  const names = wanted ?? session.outputs;
  const fetched = fetchedOf(names);
  const start = performance.now();
  const results = session.native.run(fed, fetched, {});
  const milliseconds = performance.now() - start;
  // By name: what the native library sets as `__proto__` is no entry.
  const outputs = Object.fromEntries(names.map(name => [name, fromNative(results[name] as OrtTensor)]));
  return { outputs: pack(outputs, join(folder, `out-${counter++}.bin`)), placement: placementOf(session), milliseconds };
}

/** Ends the profile of the first run and counts nodes; later runs are not profiled. */
function placementOf(session: OpenSession): Placement | undefined {
  const { profile } = session;
  if (profile === undefined) return undefined;
  session.profile = undefined;
  session.native.endProfiling();
  const file = readdirSync(dirname(profile)).find(f => f.startsWith(`${basename(profile)}_`));
  if (file === undefined) return undefined;
  const path = join(dirname(profile), file);
  const events = JSON.parse(readFileSync(path, 'utf8')) as readonly ProfileEvent[];
  rmSync(path, { force: true });
  const nodes = new Map<string, ProfileEvent>();
  for (const e of events)
    if (e.cat === 'Node' && e.name.endsWith('_kernel_time') && e.args.provider) nodes.set(`${e.name} ${e.args.node_index}`, e);
  const counts: Record<string, number> = {};
  const fallbacks: { node: string; operator: string }[] = [];
  for (const { name, args } of nodes.values()) {
    const provider = args.provider!;
    counts[provider] = (counts[provider] ?? 0) + 1;
    const operator = args.op_name ?? '';
    if (session.provider !== 'cpu' && provider === 'CPUExecutionProvider' && !operator.startsWith('Memcpy'))
      fallbacks.push({ node: name.slice(0, -'_kernel_time'.length), operator });
  }
  return { nodes: counts, fallbacks };
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args: { readonly provider?: string; readonly op_name?: string; readonly node_index?: string };
}
