import { encode } from '../src/serde/model-file.ts';
import { parse } from '../src/text/parse.ts';

const header = '<ir_version: 8, opset_import: ["" : 17]>\n';

/** A chain of Conv 3×3, BatchNormalization and Relu. */
export function convModel({ layers, channels: c }: { readonly layers: number; readonly channels: number }): Uint8Array {
  const weights: string[] = [];
  const nodes: string[] = [];
  for (let i = 0; i < layers; i++) {
    weights.push(`float[${c},${i === 0 ? 3 : c},3,3] w${i} = ["location": "rand:normal", "seed": "w${i}", "fan": "he"]`);
    for (const p of ['s', 'b', 'm']) weights.push(`float[${c}] ${p}${i} = ["location": "rand:normal", "seed": "${p}${i}"]`);
    weights.push(`float[${c}] v${i} = ["location": "rand:uniform", "seed": "v${i}", "low": "0.5", "high": "2"]`);
    const x = i === 0 ? 'x' : `r${i - 1}`;
    nodes.push(
      `c${i} = Conv <pads = [1, 1, 1, 1]> (${x}, w${i})`,
      `n${i} = BatchNormalization (c${i}, s${i}, b${i}, m${i}, v${i})`,
      `r${i} = Relu (n${i})`,
    );
  }
  nodes.push(`y = Relu (r${layers - 1})`);
  return encode(parse(`${header}g (float[N,3,32,32] x) => (float[N,${c},32,32] y)\n<${weights.join(', ')}>\n{\n${nodes.join('\n')}\n}`));
}

/** `n` nodes: one in four Identity, one in ten a Conv with its BatchNormalization, the rest Relu. */
export function chainModel(n: number): Uint8Array {
  const nodes: string[] = [];
  let last = 'x';
  for (let i = 0; nodes.length < n - 1; i++) {
    const next = `v${i}`;
    if (i % 4 === 0) nodes.push(`${next} = Identity (${last})`);
    else if (i % 10 === 1) nodes.push(`c${i} = Conv (${last}, w)`, `${next} = BatchNormalization (c${i}, s, b, m, v)`);
    else nodes.push(`${next} = Relu (${last})`);
    last = next;
  }
  nodes.push(`y = Relu (${last})`);
  const weights = 'float[1,1,1,1] w = {1}, float[1] s = {1}, float[1] b = {0}, float[1] m = {0}, float[1] v = {1}';
  return encode(parse(`${header}g (float[N,1,8,8] x) => (float[N,1,8,8] y)\n<${weights}>\n{\n${nodes.join('\n')}\n}`));
}
