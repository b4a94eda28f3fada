import { Runtime } from '../../src/runtime/session.ts';
import { encode } from '../../src/serde/model-file.ts';
import { parse } from '../../src/text/parse.ts';

/** The runtime that the tests of a file share; the file closes it when they are over. */
export const runtime = new Runtime();

export const model = (text: string) => ({ bytes: encode(parse(text)) });

/** What some work fails with. */
export const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

export const lastingForever = model(`
  g (float x) => (float y) <int64 n = {1000000000000}> {
    y = Loop (n, , x) <body = b (int64 i, bool c, float v) => (bool c2, float v2) { c2 = Identity (c) v2 = Add (v, v) }>
  }`);
