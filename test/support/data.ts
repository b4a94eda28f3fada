import { join } from 'node:path';
import sharp from 'sharp';
import type { Tensors, ValueMetadata } from '../../src/runtime/session.ts';
import { loadData } from '../../src/verify/data/load.ts';
import type { Finding } from '../../src/verify/verdict.ts';

export const x: ValueMetadata = { name: 'x', dtype: 'float', shape: ['N', 2] };

type Data = Parameters<typeof loadData>[0];
type Loading = Parameters<typeof loadData>[1];
const loading = { seed: 3, shapes: {}, limit: 16, images: {}, timeout: 60_000, warn: (_: Finding) => {} };

/** The sets that some data give for some inputs. */
export const load = (inputs: readonly ValueMetadata[], data: Data, more: Partial<Loading> = {}) =>
  loadData(data, { ...loading, edges: { inputs, outputs: [{ ...x, name: 'y' }] }, ...more });

/** Why data in a folder are refused for some inputs. */
export const refusalIn =
  (folder: string) =>
  (inputs: readonly ValueMetadata[], ...data: Data) =>
    load(inputs, data).then(
      () => 'no error',
      (error: Error) => error.message.replaceAll(`${folder}/`, ''),
    );

export const numbers = (feeds: Tensors, name = 'x') => Array.from(feeds[name]!.numbers());

/** Writes three images of the same pixels, a.webp, b.png and c.jpg: red and green above, blue and white below. */
export async function writePhotos(folder: string): Promise<void> {
  const pixels = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
  const raw = sharp(pixels, { raw: { width: 2, height: 2, channels: 3 } });
  await raw.clone().png().toFile(join(folder, 'b.png'));
  await raw.clone().webp({ lossless: true }).toFile(join(folder, 'a.webp'));
  await raw.clone().jpeg().toFile(join(folder, 'c.jpg'));
}
