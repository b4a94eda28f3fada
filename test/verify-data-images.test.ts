import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ValueMetadata } from '../src/runtime/session.ts';
import type { Finding } from '../src/verify/verdict.ts';
import { load, numbers, refusalIn, writePhotos, x } from './support/data.ts';

const folder = mkdtempSync(join(tmpdir(), 'funnel-images-'));
const at = (name: string) => join(folder, name);
const refusal = refusalIn(folder);
const image = (shape: ValueMetadata['shape'], dtype: ValueMetadata['dtype'] = 'float'): ValueMetadata => ({ name: 'image', dtype, shape });

beforeAll(async () => {
  mkdirSync(at('photos'));
  await writePhotos(at('photos'));
  const noise = sharp(
    Uint8Array.from({ length: 3 * 64 * 64 }, (_, i) => (i * i * 31) % 251),
    { raw: { width: 64, height: 64, channels: 3 } },
  );
  writeFileSync(at('cut.jpg'), (await noise.jpeg().toBuffer()).subarray(0, 2000));
  writeFileSync(at('text.png'), 'no image');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('images', () => {
  const normal = (pixel: number, channel: number) => (pixel / 255 - [0.485, 0.456, 0.406][channel]!) / [0.229, 0.224, 0.225][channel]!;

  test('NCHW, NHWC, uint8; a fixed batch is filled', async () => {
    const values = async (input: ValueMetadata) => numbers((await load([input], [at('photos/b.png')]))[0]!.feeds(), 'image');
    const planes = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255];
    expect(await values(image(['N', 3, 2, 2], 'uint8'))).toEqual(planes);
    expect(await values(image([2, 3, 2, 2], 'uint8'))).toEqual([...planes, ...planes]);
    expect(await values(image(['N', 2, 2, 3], 'uint8'))).toEqual([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
    expect(await values(image([3, 2, 2], 'uint8'))).toEqual(planes);
    const floats = await values(image(['N', 3, 2, 2]));
    for (const [i, value] of floats.entries()) expect(value).toBeCloseTo(normal(planes[i]!, Math.floor(i / 4)), 5);
    const [gray] = await load([image(['N', 1, 2, 2])], [at('photos/b.png')], { images: { mean: [0], std: [1] } });
    const [, , , white] = numbers(gray!.feeds(), 'image');
    expect(white).toBe(1);
  });

  test('a folder: by name, up to the limit, resized', async () => {
    const told: Finding[] = [];
    const sets = await load([image(['N', 3, 5, 7])], [at('photos')], { limit: 2, warn: f => void told.push(f) });
    expect(sets.map(s => s.label)).toEqual([at('photos/a.webp'), at('photos/b.png')]);
    expect(sets[0]!.feeds().image!.dims).toEqual([1, 3, 5, 7]);
    expect(numbers(sets[0]!.feeds(), 'image')).toEqual(numbers(sets[1]!.feeds(), 'image'));
    expect(told).toMatchObject([{ code: 'data-limit', message: 'only the first 2 of 3 images are run' }]);
  });

  test('sizes that the model leaves open must be said', async () => {
    const open = image(['N', 3, 'H', 'W']);
    expect(await refusal([open], at('photos/b.png'))).toMatch(/leaves the size open: say it, such as --shape 'image:1x3x224x224'/);
    const [set] = await load([open], [at('photos/b.png')], { shapes: { symbols: { H: 4, W: [6, 8] } } });
    expect(set!.feeds().image!.dims).toEqual([1, 3, 4, 6]);
  });

  test('what is no image, and what takes none', async () => {
    expect(await refusal([image(['N', 3, 2, 2])], at('text.png'))).toMatch(/text.png: not an image that can be decoded/);
    expect(await refusal([image(['N', 3, 2, 2])], at('cut.jpg'))).toMatch(/cut.jpg: not an image that can be decoded/);
    expect(await refusal([x], at('photos'))).toMatch(/a.webp: input 'x' is \[N,2\], which takes no image/);
    expect(await refusal([image(['N', 5, 8, 8])], at('photos'))).toMatch(/where are its 3 channels, or 1\?/);
    expect(await refusal([image(['N', 3, 2, 2], 'int32')], at('photos'))).toMatch(/is int32: an image becomes floats or uint8/);
  });
});
