/**
 * What the registry does not say of operators. Shared code asks here instead of knowing operators by name.
 */

/** Operands of which only the element type matters: operator of the default domain → their indices. */
const typeOnly: Readonly<Record<string, readonly number[]>> = { CastLike: [1] };

/** Whether operand `index` of an operator gives nothing but its element type. */
export function isTypeOnly(op: { readonly domain: string; readonly name: string }, index: number): boolean {
  return op.domain === '' && Object.hasOwn(typeOnly, op.name) && typeOnly[op.name]!.includes(index);
}

/** Operators whose literal form is chosen for storage: folding them would undo a quantisation. */
const storage = new Set(['DequantizeLinear']);

export function isStorage(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && storage.has(op.name);
}

/** Operators that stand for many equal elements: a compact way to store them. */
const generators = new Set(['ConstantOfShape']);

export function isGenerator(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && generators.has(op.name);
}

/** Operators that give their operand another shape or name: no kernel touches its elements. */
const views = new Set(['Constant', 'Dropout', 'Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);

export function isView(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && views.has(op.name);
}

/** Activations that ONNX Runtime computes within the convolution before them. */
const fusedActivations = new Set(['Clip', 'HardSigmoid', 'LeakyRelu', 'Relu', 'Sigmoid', 'Tanh']);

export function isFusedActivation(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && fusedActivations.has(op.name);
}

/** Operators that hand values of one and the same shape to their bodies, however often these run. Loop, and SequenceMap, may not. */
const steady = new Set(['If', 'Scan']);

export function keepsShapes(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && steady.has(op.name);
}

/** Attributes of ONNX's own operators that name an element type: Cast's, and those of what makes tensors. */
export const elementTypeAttributes: ReadonlySet<string> = new Set(['to', 'dtype', 'output_dtype', 'output_datatype']);
