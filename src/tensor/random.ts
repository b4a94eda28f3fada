/** Numbers in [0, 1), the same for the same seed on every machine. */
export type Random = () => number;

/**
 * A stream of random numbers: the generator sfc32 (Chris Doty-Humphrey's "small fast counting" generator, 128 bits of state), its state
 * hashed from the seed by FNV-1a and mixed by splitmix32. A seed is its decimal text: `7` and `'7'` are the same seed.
 */
export function random(seed: string | number): Random {
  const mix = splitmix32(fnv1a(String(seed)));
  let a = mix();
  let b = mix();
  let c = mix();
  let counter = 1;
  const next = () => {
    const result = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  // 53 random bits: every multiple of 2^-53 in [0, 1).
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

/** `n` numbers, evenly spread over [low, high). */
export function uniform(seed: string | number, n: number, low = 0, high = 1): Float64Array {
  const next = random(seed);
  return Float64Array.from({ length: n }, () => low + (high - low) * next());
}

/** `n` numbers from the normal distribution with mean 0 and standard deviation 1 (Marsaglia's polar method). */
export function normal(seed: string | number, n: number): Float64Array {
  const next = random(seed);
  const values = new Float64Array(n);
  for (let i = 0; i < n; ) {
    const x = 2 * next() - 1;
    const y = 2 * next() - 1;
    const s = x * x + y * y;
    if (s >= 1 || s === 0) continue;
    const factor = Math.sqrt((-2 * Math.log(s)) / s);
    values[i++] = x * factor;
    if (i < n) values[i++] = y * factor;
  }
  return values;
}

/** 32-bit FNV-1a over UTF-16 code units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

function splitmix32(state: number): () => number {
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}
