import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { DecodeError, FunnelError } from '../errors.ts';
import { largestMessage } from './encode.ts';
import { sniff } from './sniff.ts';

/** One read system call; beyond 2^31 Node wraps the length silently. */
export const readLimit = 2 ** 30;

const headSize = 4096;

/** The error for a file that is too large to be what is looked for, of which these are the first bytes. */
export type TooLarge = (label: string, head: Uint8Array) => FunnelError;

/**
 * The bytes of a file; `-` stands for standard input.
 * @throws FunnelError E_READ when the file can't be read, E_TOO_LARGE for more than 2 GiB
 */
export async function readBytes(path: string, tooLarge: TooLarge = tooLargeFile): Promise<Uint8Array> {
  if (path === '-') return readStream(process.stdin, 'standard input', tooLarge);
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    if (!stats.isFile()) return await readStream(handle.createReadStream({ autoClose: false }), path, tooLarge);
    if (stats.size > largestMessage) throw tooLarge(path, await fill(handle, headSize));
    return await fill(handle, stats.size);
  } catch (error) {
    throw error instanceof FunnelError ? error : readError(path, error);
  } finally {
    await handle?.close();
  }
}

/** The text of a file, in UTF-8; a byte order mark is no part of it. @throws as `readBytes` does */
export async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(path));
}

async function fill(handle: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(readLimit, size - at), at);
    // The file became shorter meanwhile: decoding will say what that means.
    if (bytesRead === 0) return bytes.subarray(0, at);
    at += bytesRead;
  }
  return bytes;
}

async function readStream(stream: AsyncIterable<Buffer | string>, label: string, tooLarge: TooLarge): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    size += bytes.length;
    if (size > largestMessage) throw tooLarge(label, chunks[0]!);
  }
  return Uint8Array.from(Buffer.concat(chunks, size));
}

const tooLargeFile: TooLarge = label =>
  new FunnelError('E_TOO_LARGE', `${label} is larger than 2 GiB, which is more than can be read at once`);

/** Of a file that was to be a model. */
export const tooLargeModel: TooLarge = (path, head) => {
  const what = sniff(head);
  if (what) return new DecodeError('E_NOT_ONNX', `${path}: not an ONNX model: ${what}`, { offset: 0 });
  return new DecodeError(
    'E_TOO_LARGE',
    `${path} is larger than 2 GiB, which no ONNX model file is: large models keep their weights in a file beside them`,
  );
};

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EPIPE: 'the reader closed the pipe',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many open files',
  ELOOP: 'too many symbolic links',
};

/** Why the system refused, in words. */
export function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return reasons[code] ?? (error instanceof Error ? error.message : String(error));
}

/** That a file can't be read, and why. */
export function readError(path: string, error: unknown): FunnelError {
  return new FunnelError('E_READ', `can't read ${path}: ${reason(error)}`, { cause: error });
}
