/** What each generated client brings along, as source: the part that is the same for all of them. */

export const valueType = `/** What the model says of an input or output. */
interface Value {
  readonly name: string;
  readonly type: Tensor.Type;
  /** What holds the elements. */
  readonly array: abstract new (...args: never) => object;
  /** A fixed size, a symbol, or null for any size; undefined where the rank is unknown. */
  readonly shape: readonly (number | string | null)[] | undefined;
}`;

export const checkNames = `/** @throws Error when a model has other names than those that this client was made for. */
function checkNames(what: string, found: readonly string[], expected: readonly string[]): void {
  const missing = expected.filter(name => !found.includes(name));
  const extra = found.filter(name => !expected.includes(name));
  if (missing.length === 0 && extra.length === 0) return;
  const spell = (names: readonly string[]) => names.map(name => JSON.stringify(name)).join(', ') || 'none';
  throw new Error(\`this is not the model that the client was made for: its \${what} are \${spell(found)}, not \${spell(expected)}\`);
}`;

export const checkDims = `/** @throws RangeError for sizes that are not the model's, or that one symbol can't stand for. */
function checkDims(what: string, dims: readonly number[], shape: Value['shape'], sizes: Map<string, number>): void {
  const is = \`\${what} is [\${dims.join(', ')}]\`;
  if (!dims.every(size => Number.isSafeInteger(size) && size >= 0)) throw new RangeError(\`\${is}, which is no shape\`);
  if (shape === undefined) return;
  const model = \`the model says [\${shape.map(size => size ?? '?').join(', ')}]\`;
  if (dims.length !== shape.length) throw new RangeError(\`\${is}; \${model}\`);
  for (const [i, size] of shape.entries()) {
    const given = dims[i] ?? 0;
    if (typeof size === 'number' && size !== given) throw new RangeError(\`\${is}; \${model}\`);
    if (typeof size !== 'string') continue;
    const known = sizes.get(size) ?? given;
    if (known !== given) throw new RangeError(\`\${is}; \${model}, and \${size} is \${known} in this call already\`);
    sizes.set(size, given);
  }
}`;

/** `bits`: whether an input is float16. */
export const feed = (
  bits: boolean,
): string => `/** A tensor for the runtime. @throws TypeError for another type of elements, RangeError for other sizes. */
function feed(
  value: Value,
  given: { readonly data: Tensor.DataType | readonly string[]; readonly dims: readonly number[] } | undefined,
  sizes: Map<string, number>,
): Tensor {
  const what = \`input \${JSON.stringify(value.name)}\`;
  if (given === undefined) throw new TypeError(\`\${what} is missing\`);
  const { data, dims } = given;
  if (!(data instanceof value.array)) throw new TypeError(\`\${what} takes \${value.type} in a \${value.array.name}\`);
  checkDims(what, dims, value.shape, sizes);
  const size = dims.reduce((product, d) => product * d, 1);
  if (data.length !== size) throw new RangeError(\`\${what} has \${data.length} elements; [\${dims.join(', ')}] are \${size}\`);
${
  bits
    ? `  // Where there is a Float16Array, the class Tensor makes one of the bits, which the runtime then can't read.
  if (value.type === 'float16') return { type: value.type, data, dims, location: 'cpu' } as unknown as Tensor;
`
    : ''
}  return new Tensor(value.type, data as Tensor.DataType, dims);
}`;

/** `bits`: whether an output is float16. */
export const fetched = (bits: boolean): string => `/** What the runtime gave back. @throws Error when that is not what the model says. */
function fetched(value: Value, result: Tensor | undefined): { readonly data: Tensor.DataType; readonly dims: readonly number[] } {
  const what = \`output \${JSON.stringify(value.name)}\`;
  if (result?.type !== value.type) throw new TypeError(\`\${what} is \${result?.type ?? 'missing'}; the model says \${value.type}\`);
  checkDims(what, result.dims, value.shape, new Map());
${
  bits
    ? `  const { data, dims } = result;
  // Where there is a Float16Array, the runtime's bits come in one.
  if (value.type === 'float16' && ArrayBuffer.isView(data)) return { data: new Uint16Array(data.buffer, data.byteOffset, data.length), dims };
  return { data, dims };`
    : '  return { data: result.data, dims: result.dims };'
}
}`;
