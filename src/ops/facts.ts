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

/** Operands whose elements the results are made of, as they are: operator of the default domain → their indices, or all of them. */
const passed: Readonly<Record<string, readonly number[] | 'all'>> = {
  CenterCropPad: [0],
  Clip: 'all',
  Compress: [0],
  Concat: 'all',
  DepthToSpace: [0],
  Dropout: [0],
  Expand: [0],
  Flatten: [0],
  Gather: [0],
  GatherElements: [0],
  GatherND: [0],
  Identity: [0],
  Max: 'all',
  Min: 'all',
  Pad: [0, 2],
  ReduceMax: [0],
  ReduceMin: [0],
  Reshape: [0],
  ReverseSequence: [0],
  Slice: [0],
  SpaceToDepth: [0],
  Split: [0],
  Squeeze: [0],
  Tile: [0],
  Transpose: [0],
  Trilu: [0],
  Unsqueeze: [0],
  Where: [1, 2],
};

/** Whether the results are made of elements of operand `index`, and of other operands likewise, none of them changed. */
export function passesOn(op: { readonly domain: string; readonly name: string }, index: number): boolean {
  if (op.domain !== '' || !Object.hasOwn(passed, op.name)) return false;
  const operands = passed[op.name]!;
  return operands === 'all' || operands.includes(index);
}

/** Operators that give something of the shape of their operand, and nothing of its elements. */
const shapeOnly = new Set(['Shape', 'Size']);

export function isShapeOnly(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && shapeOnly.has(op.name);
}

/** Operators that tell where elements are, and not what they are. */
const positions = new Set(['ArgMax', 'ArgMin', 'NonZero']);

export function isPosition(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && positions.has(op.name);
}

/** Besides operators that pass elements on: those whose results need no rounding beyond that of their type. */
const exact = new Set([
  ...['Abs', 'And', 'Cast', 'CastLike', 'Ceil', 'Constant', 'Equal', 'EyeLike', 'Floor', 'GlobalMaxPool', 'Greater', 'GreaterOrEqual'],
  ...['IsInf', 'IsNaN', 'Less', 'LessOrEqual', 'MaxPool', 'Neg', 'Not', 'OneHot', 'Or', 'Relu', 'Round', 'Sign', 'TopK', 'Unique', 'Xor'],
]);

export function isExact(op: { readonly domain: string; readonly name: string }): boolean {
  return op.domain === '' && (exact.has(op.name) || Object.hasOwn(passed, op.name) || isPosition(op) || isGenerator(op) || isStorage(op));
}
