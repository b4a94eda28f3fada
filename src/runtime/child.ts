import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { FunnelError, ProviderUnavailable } from '../errors.ts';
import { classify, oneLine, RuntimeFailure } from './failure.ts';
import type { Replies, Reply, Request } from './protocol.ts';

export interface Limits {
  /** Milliseconds that one request may take. */
  readonly timeout: number;
  /** Bytes of resident memory that the child may take while a request runs; watched on Linux only. */
  readonly memory: number;
}

const children = new Set<Child>();
let hooked = false;

function killAll(): void {
  for (const child of children) child.kill();
}

/** One child process that serves requests one at a time. It never keeps this process alive while it is idle. */
export class Child {
  /** Folder for what is too big for the channel; gone when the child is. */
  readonly folder: string;
  readonly #process: ChildProcess;
  /** What the child last wrote to stderr: crashes explain themselves there. */
  #stderr = '';
  #end: RuntimeFailure | undefined;
  #peak = 0;

  constructor(env: Record<string, string>) {
    this.folder = temporaryFolder();
    // The file beside this one: TypeScript when this runs from source, JavaScript when it runs from dist.
    const source = import.meta.url.endsWith('.ts');
    const worker = fileURLToPath(new URL(source ? './worker.ts' : './worker.js', import.meta.url));
    // Node 20 can't run TypeScript; the loader is named by path because the caller's working folder may not know it.
    const execArgv = source ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
    // The native library leaves a log file in the folder for temporary files; ours goes when the process goes. (The loader caches there.)
    const scratch = source ? {} : { TMPDIR: this.folder };
    this.#process = fork(worker, [this.folder], {
      env: { ...env, ...scratch },
      // Garbage is collected between measurements, not within them.
      execArgv: ['--expose-gc', ...execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    this.#process.on('exit', (code, signal) => this.#ended(code, signal));
    this.#process.on('error', error => {
      this.#end ??= new RuntimeFailure('crashed', 'crash', `the runtime's process did not start: ${error.message}`);
    });
    this.#hold(false);
    children.add(this);
    if (!hooked) process.on('exit', killAll);
    hooked = true;
  }

  /** Why this child can't serve any more; undefined while it can. */
  get end(): RuntimeFailure | undefined {
    return this.#end;
  }
  /** Largest resident memory seen, in bytes; 0 where it can't be measured. */
  get peakMemory(): number {
    return this.#peak;
  }

  /** Sends one request and waits for its reply. @throws RuntimeFailure for an error of the runtime, its death, or a limit that was passed. */
  async ask<K extends Request['op']>(request: Extract<Request, { op: K }>, limits: Limits): Promise<Replies[K]> {
    if (this.#end) throw this.#end;
    const child = this.#process;
    this.#hold(true);
    const timer = setTimeout(
      () => this.kill(new RuntimeFailure('timeout', 'timeout', `no answer within ${limits.timeout / 1000} s`)),
      Math.min(limits.timeout, LONGEST_TIMER),
    );
    const watch = setInterval(() => this.#watchMemory(limits.memory), 50);
    let fail = () => {};
    try {
      const reply = await new Promise<Reply>((answer, reject) => {
        fail = () => reject(this.#end);
        child.once('message', message => answer(message as Reply));
        // 'close' rather than 'exit': by then stderr is complete.
        child.once('close', fail).once('error', fail);
        child.send(request, error => error && this.kill(new RuntimeFailure('crashed', 'crash', error.message)));
      });
      if (!reply.ok && isMissing(reply.message))
        throw new ProviderUnavailable('onnxruntime-node', 'it is not installed', [], 'npm install onnxruntime-node');
      if (!reply.ok) throw classify(this.#placeless(reply.message));
      return reply.value as Replies[K];
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      child.removeAllListeners('message').off('close', fail).off('error', fail);
      this.#watchMemory(Number.POSITIVE_INFINITY);
      this.#hold(false);
    }
  }

  /** Ends the child and takes its folder away. */
  kill(reason = new RuntimeFailure('crashed', 'crash', 'the runtime was closed')): void {
    this.#end ??= reason;
    this.#process.kill('SIGKILL');
    children.delete(this);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.#end ??= deathOf(code, signal, this.#placeless(this.#stderr));
    this.kill();
  }

  /** The folder has another name in every run. */
  #placeless(message: string): string {
    return message.replaceAll(this.folder + sep, '');
  }

  /** Whether the child keeps this process alive. */
  #hold(on: boolean): void {
    const { channel, stderr } = this.#process;
    const verb = on ? 'ref' : 'unref';
    this.#process[verb]();
    channel?.[verb]();
    (stderr as unknown as { ref(): void; unref(): void } | null)?.[verb]();
  }

  /** Resident memory now, in bytes; 0 where it can't be measured. */
  get residentMemory(): number {
    return this.#memory('VmRSS');
  }

  #memory(name: 'VmRSS' | 'VmHWM'): number {
    const { pid } = this.#process;
    if (process.platform !== 'linux' || pid === undefined || this.#end) return 0;
    const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'latin1') : '';
    return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
  }

  #watchMemory(limit: number): void {
    this.#peak = Math.max(this.#peak, this.#memory('VmHWM'));
    if (this.residentMemory > limit)
      this.kill(new RuntimeFailure('memory', 'memory', `the runtime took more than ${Number((limit / 1e6).toPrecision(3))} MB`));
  }
}

/** Node's words for a package that is not there. */
const isMissing = (message: string) => /Cannot find (package|module)/.test(message) && message.includes('onnxruntime-node');

/** setTimeout counts milliseconds in 31 bits. */
const LONGEST_TIMER = 2 ** 31 - 1;

function temporaryFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'onnx-funnel-'));
  } catch (error) {
    throw new FunnelError('E_WRITE', `no temporary folder can be made in ${tmpdir()}: set TMPDIR to one that can be written to`, {
      cause: error,
    });
  }
}

function deathOf(code: number | null, signal: NodeJS.Signals | null, stderr: string): RuntimeFailure {
  const words = oneLine(stderr.split('\n').find(line => line.trim() !== '') ?? '').slice(0, 200);
  if (/heap out of memory|bad_alloc/i.test(stderr)) return new RuntimeFailure('memory', 'memory', 'the runtime ran out of memory');
  if (signal === 'SIGKILL')
    return new RuntimeFailure('crashed', 'crash', 'the runtime was killed (SIGKILL), most likely for lack of memory');
  const how = signal ? `crashed (${signal})` : `ended with code ${code}`;
  return new RuntimeFailure('crashed', 'crash', stderr.trim() === '' ? `the runtime ${how}` : `the runtime ${how}: ${words}`);
}
