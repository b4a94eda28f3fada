import { unlinkSync } from 'node:fs';
import {
  access,
  appendFile as append,
  constants,
  type FileHandle,
  lstat,
  open,
  readlink,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { FunnelError } from '../errors.ts';
import { reason } from './file.ts';
import { type Payload, piecesOf } from './wire.ts';

/** A file written in full under a temporary name beside its target, waiting to take the target's place. */
export interface Staged {
  /** Takes the target's place. */
  commit(): Promise<void>;
  /** Leaves everything as it was. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Replaces a file in one step: whoever looks sees the old content or the new. A symbolic link keeps pointing where it points, and a file
 * keeps its mode. `-` stands for standard output.
 * @throws FunnelError E_WRITE; the old file is then as it was
 */
export async function writeFile(path: string, chunks: Iterable<Payload>): Promise<void> {
  const staged = await stage(path, chunks);
  await staged.commit();
}

/** The same with text, in UTF-8. @throws FunnelError E_WRITE */
export function writeText(path: string, text: string): Promise<void> {
  return writeFile(path, [new TextEncoder().encode(text)]);
}

/** The first half of `writeFile`. @throws FunnelError E_WRITE */
export async function stage(path: string, chunks: Iterable<Payload>): Promise<Staged> {
  if (path === '-') return stageDirectly(() => writeStdout(chunks));
  try {
    const target = await targetOf(path);
    const old = await stat(target).catch(() => undefined);
    if (old?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    // A device or a pipe has no content to replace.
    if (old && !old.isFile()) return stageDirectly(() => writeDevice(path, target, chunks));
    // Another file can take the place of one that is protected from writing; it is protected for a reason.
    if (old) await access(target, constants.W_OK);
    const temporary = join(dirname(target), `.funnel-${process.pid}-${Math.random().toString(36).slice(2)}.tmp`);
    const discard = async () => {
      if (forget(temporary)) await unlink(temporary).catch(() => undefined);
    };
    remember(temporary);
    try {
      await writeTemporary(temporary, old?.mode, chunks);
    } catch (error) {
      await discard();
      throw error;
    }
    const commit = async () => {
      try {
        await rename(temporary, target);
        forget(temporary);
      } catch (error) {
        await discard();
        throw writeError(path, error);
      }
    };
    return { commit, discard };
  } catch (error) {
    throw error instanceof FunnelError ? error : writeError(path, error);
  }
}

/** Adds to the end of a file, which is made where there is none. @throws FunnelError E_WRITE */
export async function appendFile(path: string, text: string): Promise<void> {
  try {
    await append(path, text);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Finds before long work what `writeFile` would find after it: a folder that is not there, a protected file. @throws FunnelError E_WRITE */
export async function checkWritable(path: string): Promise<void> {
  if (path === '-') return;
  try {
    const target = await targetOf(path);
    const [old, folder] = await Promise.all([target, dirname(target)].map(p => stat(p).catch(() => undefined)));
    if (!folder) throw new FunnelError('E_WRITE', `can't write ${path}: there is no folder ${dirname(path)}`);
    if (old?.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (old) await access(target, constants.W_OK);
    if (!old || old.isFile()) await access(dirname(target), constants.W_OK);
  } catch (error) {
    throw error instanceof FunnelError ? error : writeError(path, error);
  }
}

/** The same for text, which takes the place of no file that is not text: that is somebody's model or data. @throws FunnelError E_WRITE */
export async function checkTextWritable(path: string): Promise<void> {
  await checkWritable(path);
  const target = path === '-' ? undefined : await targetOf(path);
  const old = target === undefined ? undefined : await stat(target).catch(() => undefined);
  if (target !== undefined && old?.isFile() && !isText(await beginningOf(target)))
    throw new FunnelError(
      'E_WRITE',
      `can't write ${path}: it is a binary file, which a text would replace: give another name, or remove it`,
    );
}

async function beginningOf(path: string): Promise<Uint8Array> {
  const handle = await open(path, 'r').catch(() => undefined);
  const bytes = new Uint8Array(4096);
  const { bytesRead = 0 } = (await handle?.read(bytes, 0, bytes.length, 0).finally(() => handle.close())) ?? {};
  return bytes.subarray(0, bytesRead);
}

/** Whether a file that begins like this is text in UTF-8; the last character may be cut off. */
function isText(head: Uint8Array): boolean {
  try {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what tells binary files
    return !/[\0-\x08\x0e-\x1a]/.test(new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true }));
  } catch {
    return false;
  }
}

function stageDirectly(commit: () => Promise<void>): Staged {
  return { commit, discard: async () => undefined };
}

/** The file that a path stands for: links are followed, the last one also when it leads nowhere yet. */
export async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const link = await lstat(path).catch(() => undefined);
    return link?.isSymbolicLink() ? resolve(dirname(path), await readlink(path)) : resolve(path);
  }
}

async function writeTemporary(path: string, mode: number | undefined, chunks: Iterable<Payload>): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    if (mode !== undefined) await handle.chmod(mode & 0o777);
    await writeAll(handle, chunks);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeDevice(path: string, target: string, chunks: Iterable<Payload>): Promise<void> {
  try {
    const handle = await open(target, 'w');
    try {
      await writeAll(handle, chunks);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw writeError(path, error);
  }
}

const piecesPerCall = 512;

async function writeAll(handle: FileHandle, chunks: Iterable<Payload>): Promise<void> {
  let pieces: Uint8Array[] = [];
  for (const chunk of chunks) {
    for (const piece of piecesOf(chunk)) {
      pieces.push(piece);
      // A deferred piece is on loan until the next one is asked for.
      if (pieces.length < piecesPerCall && chunk instanceof Uint8Array) continue;
      await writePieces(handle, pieces);
      pieces = [];
    }
  }
  await writePieces(handle, pieces);
}

/** The system may take less than it is given. */
async function writePieces(handle: FileHandle, pieces: readonly Uint8Array[]): Promise<void> {
  let rest = pieces.filter(piece => piece.byteLength > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await handle.writev(rest);
    let done = 0;
    while (done < rest.length && bytesWritten >= rest[done]!.byteLength) bytesWritten -= rest[done++]!.byteLength;
    rest = rest.slice(done);
    if (rest.length > 0) rest[0] = rest[0]!.subarray(bytesWritten);
  }
}

async function writeStdout(chunks: Iterable<Payload>): Promise<void> {
  // Node reports a closed pipe to the callback and as an event; the event alone would end the process.
  const ignore = () => undefined;
  process.stdout.on('error', ignore);
  try {
    for (const chunk of chunks) {
      for (const piece of piecesOf(chunk)) {
        await new Promise<void>((done, fail) => process.stdout.write(piece, error => (error ? fail(error) : done())));
      }
    }
  } catch (error) {
    throw writeError('standard output', error);
  } finally {
    process.stdout.off('error', ignore);
  }
}

function writeError(path: string, error: unknown): FunnelError {
  return new FunnelError('E_WRITE', `can't write ${path}: ${reason(error)}`, { cause: error });
}

/** Temporary files of this process: whatever ends it, they go. */
const temporaries = new Set<string>();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function remember(path: string): void {
  if (temporaries.size === 0) {
    process.on('exit', removeAll);
    for (const signal of signals) process.on(signal, onSignal);
  }
  temporaries.add(path);
}

function forget(path: string): boolean {
  const known = temporaries.delete(path);
  if (known && temporaries.size === 0) {
    process.off('exit', removeAll);
    for (const signal of signals) process.off(signal, onSignal);
  }
  return known;
}

function removeAll(): void {
  for (const path of [...temporaries]) {
    forget(path);
    try {
      unlinkSync(path);
    } catch {
      // It was not made yet, or is gone already.
    }
  }
}

function onSignal(signal: NodeJS.Signals): void {
  removeAll();
  // Ours was the only listener: let the signal do what it does by default.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
