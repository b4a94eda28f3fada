import { join } from 'node:path';
import { FunnelError } from '../../errors.ts';
import type { ValueMetadata } from '../../runtime/session.ts';
import { sizeOf } from '../../tensor/broadcast.ts';
import { type DType, isFloat } from '../../tensor/dtype.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { InputSet } from '../inputs.ts';
import { spell } from '../interface.ts';
import { onlyInput } from './feeds.ts';
import { firstOf, type ImageOptions, inOrder, type Loading, readData } from './loading.ts';

/** Whether a file is an image by its name. */
export const isImage = (path: string): boolean => /\.(?:png|jpe?g|webp|gif|avif|tiff?)$/i.test(path);

/** One set for each image of a folder. */
export async function fromImages(folder: string, names: readonly string[], loading: Loading): Promise<InputSet[]> {
  const sets: InputSet[] = [];
  for (const name of firstOf(inOrder(names.filter(isImage)), 'images', folder, loading))
    sets.push(await fromImage(join(folder, name), loading));
  return sets;
}

/** One image, for a model with one input. */
export async function fromImage(path: string, loading: Loading): Promise<InputSet> {
  const input = onlyInput(loading.edges.inputs, path);
  const { bytes, file } = await readData(path);
  const value = await imageOf(bytes, path, input, loading);
  return { label: path, source: 'given', files: [file], feeds: () => ({ [input.name]: value() }) };
}

/** Where in an input the axes of an image are. */
interface Layout {
  readonly dims: readonly number[];
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly channelsLast: boolean;
}

/**
 * Decodes an image and makes it as large as an input wants it: the middle of it, where the proportions differ. Kept as bytes; the result
 * makes numbers of them. A batch is filled with the same image.
 * @throws FunnelError `E_USAGE` for an input that takes no images, `E_IMAGE` for a file that can't be decoded
 */
export async function imageOf(bytes: Uint8Array, path: string, input: ValueMetadata, loading: Loading): Promise<() => Tensor> {
  const layout = layoutOf(input, path, loading);
  const numbers = scaling(input, path, layout.channels, loading.images);
  const pixels = await decode(bytes, path, layout);
  const image = layout.channelsLast ? pixels : planes(pixels, layout.channels);
  return () => {
    const values = new Float64Array(sizeOf(layout.dims));
    const plane = layout.height * layout.width;
    const channelOf = (i: number) => (layout.channelsLast ? i % layout.channels : Math.floor(i / plane));
    for (let i = 0; i < image.length; i++) values[i] = numbers(image[i]!, channelOf(i));
    for (let at = image.length; at < values.length; at += image.length) values.copyWithin(at, 0, image.length);
    return Tensor.of(input.dtype!, layout.dims, values);
  };
}

/** @throws FunnelError E_USAGE */
function layoutOf({ name, shape }: ValueMetadata, path: string, { shapes }: Loading): Layout {
  const fail = (what: string): never => {
    throw new FunnelError('E_USAGE', `${path}: input '${name}' is ${spell(shape)}, ${what}`);
  };
  const given = shapes.inputs?.[name];
  const sizes = (given ?? shape).map((d, i) =>
    typeof d === 'number' ? d : (symbolSize(d, shapes.symbols) ?? (i === 0 && shape.length === 4 ? 1 : undefined)),
  );
  if (sizes.length !== 3 && sizes.length !== 4) return fail('which takes no image: that has 3 or 4 dimensions');
  const image = sizes.slice(-3);
  const isChannels = (d: number | undefined) => d === 1 || d === 3;
  const channelsLast = !isChannels(image[0]);
  if (channelsLast && !isChannels(image[2])) return fail('which takes no image: where are its 3 channels, or 1?');
  const [height, width] = channelsLast ? [image[0], image[1]] : [image[1], image[2]];
  if (sizes.includes(undefined) || !height || !width)
    return fail(`which leaves the size open: say it, such as --shape '${name}:${channelsLast ? '1x224x224x3' : '1x3x224x224'}'`);
  return { dims: sizes as number[], height, width, channels: (channelsLast ? image[2] : image[0]) as 1 | 3, channelsLast };
}

function symbolSize(symbol: string | undefined, symbols: Loading['shapes']['symbols']): number | undefined {
  const sizes = symbol === undefined ? undefined : symbols?.[symbol];
  return typeof sizes === 'object' ? sizes[0] : sizes;
}

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
/** ImageNet's, averaged over its channels. */
const gray = { mean: [0.449], std: [0.226] };

/** What becomes of a pixel: as it is for uint8, normalised for floats. */
function scaling(
  { name, dtype }: ValueMetadata,
  path: string,
  channels: 1 | 3,
  given: ImageOptions,
): (pixel: number, channel: number) => number {
  if (dtype === 'uint8') return pixel => pixel;
  if (!isFloat(dtype as DType)) throw new FunnelError('E_USAGE', `${path}: input '${name}' is ${dtype}: an image becomes floats or uint8`);
  const usual = channels === 3 ? imageNet : gray;
  const [mean, std] = [forChannels('mean', given.mean ?? usual.mean, channels), forChannels('std', given.std ?? usual.std, channels)];
  return (pixel, channel) => (pixel / 255 - mean[channel]!) / std[channel]!;
}

function forChannels(what: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length === 1) return Array.from({ length: channels }, () => values[0]!);
  if (values.length === channels) return values;
  throw new FunnelError('E_USAGE', `${what} ${values.join(',')}: images have ${channels === 1 ? 'one channel' : '3 channels'} here`);
}

/** Channels last. */
async function decode(bytes: Uint8Array, path: string, { height, width, channels }: Layout): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp').catch(error => {
    throw new FunnelError(
      'E_IMAGE',
      `${path}: images need the package sharp, which can't be loaded: npm install --include=optional sharp`,
      { cause: error },
    );
  });
  try {
    return await sharp(bytes)
      .autoOrient()
      .flatten()
      .resize(width, height, { fit: 'cover' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' })
      .toBuffer();
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new FunnelError('E_IMAGE', `${path}: not an image that can be decoded: ${why}`, { cause: error });
  }
}

function planes(pixels: Uint8Array, channels: number): Uint8Array {
  const size = pixels.length / channels;
  return pixels.map((_, i) => pixels[(i % size) * channels + Math.floor(i / size)]!);
}
