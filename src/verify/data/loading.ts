import { createHash } from 'node:crypto';
import type { Shapes } from '../../infer/shapes.ts';
import type { ModelInterface } from '../../runtime/session.ts';
import { readBytes } from '../../serde/file.ts';
import type { DataFile } from '../inputs.ts';
import type { Finding } from '../verdict.ts';

/** What loaders of data need to know, and where they tell what is worth knowing. */
export interface Loading {
  /** The inputs that are to be fed, and the outputs, of A. */
  readonly edges: ModelInterface;
  readonly seed: number;
  readonly shapes: Shapes;
  /** Input sets that one folder or generator may give. */
  readonly limit: number;
  readonly images: ImageOptions;
  /** Milliseconds that a module, or a generator, may take. */
  readonly timeout: number;
  warn(finding: Finding): void;
}

/** How pixels become numbers: (pixel / 255 − mean) / std; one number for all channels, or one for each. */
export interface ImageOptions {
  /** Default: ImageNet's, 0.485, 0.456, 0.406. */
  readonly mean?: readonly number[] | undefined;
  /** Default: ImageNet's, 0.229, 0.224, 0.225. */
  readonly std?: readonly number[] | undefined;
}

/** A file's bytes, and how a verdict names it. @throws FunnelError E_READ */
export async function readData(path: string): Promise<{ readonly bytes: Uint8Array; readonly file: DataFile }> {
  const bytes = await readBytes(path);
  return { bytes, file: { path, sha256: createHash('sha256').update(bytes).digest('hex') } };
}

/** The first `limit` of some things to run; the verdict says where that is not all. */
export function firstOf<T>(items: readonly T[], what: string, where: string, { limit, warn }: Loading): readonly T[] {
  if (items.length > limit) warn({ code: 'data-limit', where, message: `only the first ${limit} of ${items.length} ${what} are run` });
  return items.slice(0, limit);
}

/** Names as people sort them: `test_data_set_10` after `test_data_set_9`. The same on every machine. */
export function inOrder(names: readonly string[]): string[] {
  const numbered = (name: string) => name.replace(/\d+/g, digits => digits.padStart(12, '0'));
  return [...names].sort((a, b) => {
    const [x, y] = [numbered(a), numbered(b)];
    return x < y ? -1 : x > y ? 1 : a < b ? -1 : 1;
  });
}
