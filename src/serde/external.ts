import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { DecodeError } from '../errors.ts';
import { pieceSize } from '../tensor/tensor.ts';
import { readLimit, reason } from './file.ts';
import type { TensorProto } from './onnx.generated.js';
import type { DataFiles, DataSource } from './tensors.ts';

/** What reading external data may do. */
export interface ExternalOptions {
  /** Data files with more than one name (hard links) are refused unless this is set: the other name may be anywhere. */
  readonly allowHardLinks?: boolean;
}

/** The data files of a model without a place of its own: tensors in them can be carried, but not read. */
export const noDataFiles: DataFiles = {
  open(proto, byteLength, path) {
    const { location } = placeOf(proto, byteLength, path);
    const read = (): never => {
      throw new DecodeError(
        'E_EXTERNAL',
        `the data of tensor '${proto.name}' is in '${location}', and the model was read without a directory to look in`,
        { path },
      );
    };
    return { directory: '', location, byteLength: byteLength ?? 0, read, pieces: read };
  },
};

/**
 * Data files beside a model. A model comes from anywhere, so what it says about files is not trusted: only regular files inside its folder
 * (or the folder its symbolic link leads to) are read, and only where shape and element type say how much.
 */
export function dataFilesOf(directory: string, modelPath?: string, options: ExternalOptions = {}): DataFiles {
  const roots = () => [directory, ...(modelPath === undefined ? [] : [dirname(realpathSync(modelPath))])].map(root => realpathSync(root));
  return {
    open(proto, wanted, path): DataSource {
      const place = placeOf(proto, wanted, path);
      const refuse = (why: string): never => {
        throw new DecodeError('E_EXTERNAL', `the data of tensor '${proto.name}' in '${place.location}': ${why}`, { path });
      };
      const visit = <T>(use: (fd: number, offset: number, length: number) => T): T => {
        let fd: number | undefined;
        try {
          const file = realpathSync(join(directory, place.location));
          if (!roots().some(root => isInside(root, file))) return refuse("the file is outside the model's directory");
          // Not to block on a pipe, nor to follow what was a file a moment ago.
          fd = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
          const stats = fstatSync(fd);
          if (!stats.isFile()) return refuse('it is not a regular file');
          if (stats.nlink > 1 && !options.allowHardLinks) return refuse('the file has more than one name (hard link)');
          const length = place.length ?? stats.size - place.offset;
          if (length < 0 || place.offset + length > stats.size) {
            return refuse(`bytes ${place.offset} to ${place.offset + length} are beyond the file's ${stats.size} bytes`);
          }
          return use(fd, place.offset, length);
        } catch (error) {
          if (error instanceof DecodeError) throw error;
          return refuse(`it can't be read: ${reason(error)}`);
        } finally {
          if (fd !== undefined) closeSync(fd);
        }
      };
      return {
        directory,
        byteLength: place.length ?? 0,
        location: place.location,
        read: () => visit(readAll),
        pieces: function* () {
          const length = visit((_, __, n) => n);
          for (let at = 0; at < length; at += pieceSize) {
            yield visit((fd, offset) => readAll(fd, offset + at, Math.min(pieceSize, length - at)));
          }
        },
      };
    },
  };
}

function readAll(fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const n = readSync(fd, bytes, at, Math.min(readLimit, length - at), offset + at);
    if (n === 0) throw new Error('the file ended early');
    at += n;
  }
  return bytes;
}

/** Whether `file` is below `root`; both are real paths. */
function isInside(root: string, file: string): boolean {
  const way = relative(root, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !/^([A-Za-z]:|[\\/])/.test(way);
}

interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

/** What a tensor says about where its data is, checked as far as it can be without looking at files. @throws DecodeError E_EXTERNAL */
function placeOf(proto: TensorProto, wanted: number | undefined, path: string): Place {
  const entries = new Map(proto.external_data.map(({ key, value }) => [key, value]));
  const refuse = (why: string): never => {
    throw new DecodeError('E_EXTERNAL', `the external data of tensor '${proto.name}': ${why}`, { path });
  };
  if (entries.size < proto.external_data.length) refuse('an entry is given twice');
  const location = entries.get('location') ?? '';
  if (location === '') refuse('it has no location');
  if (location.includes('\0')) refuse('the location contains a NUL');
  if (/^([A-Za-z]:|[\\/])/.test(location)) refuse(`the location '${location}' is absolute`);
  if (location.split(/[\\/]/).includes('..')) refuse(`the location '${location}' leads out of the model's directory`);
  const number = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) ? value : refuse(`the ${key} '${text}' is not a number of bytes`);
  };
  const offset = number('offset') ?? 0;
  const length = number('length');
  if (wanted === undefined && length === undefined) refuse('neither its length nor its element type says how long it is');
  if (length !== undefined && wanted !== undefined && length !== wanted) refuse(`it has ${length} bytes where its shape wants ${wanted}`);
  return { location, offset, length: wanted ?? length };
}
