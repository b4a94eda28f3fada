import { newestOpset, type OperatorVersion } from '../ops/schema.ts';
import type { Scope } from './check.ts';
import type { Node } from './node.ts';
import { displayOp } from './op.ts';

/** Operators of the default domain that ONNX's checker or ONNX Runtime takes although the registry has none of them (at this version). */
const tolerated = new Set([
  'ATen',
  'Affine',
  'ConstantFill',
  'Crop',
  'DynamicSlice',
  'GRUUnit',
  'GivenTensorFill',
  'ImageScaler',
  'LayerNormalization',
  'ParametricSoftplus',
  'Scale',
  'ScaledTanh',
  'SimplifiedLayerNormalization',
]);

/** ONNX Runtime's own domains, which it does not ask a model to import. */
const implied = /^com\.(microsoft|ms)(\.|$)/;

/** Checks a node against its operator's signature; one whose operator is not known only against the imports. */
export function checkNode(node: Node, schema: OperatorVersion | undefined, scope: Scope, say: (message: string) => void): void {
  const problem = importProblem(node, schema, scope);
  if (problem !== undefined) say(problem);
  if (problem !== undefined || !schema) return;
  checkOperands(node, schema, say);
  checkAttributes(node, schema, say);
}

/** Why a node has no operator. */
function importProblem({ op }: Node, schema: OperatorVersion | undefined, { opsets, irVersion }: Scope): string | undefined {
  const { domain, name } = op;
  const opset = opsets.get(domain);
  // Files older than imports mean the first operator set.
  if (opset === undefined)
    return (irVersion < 3 && domain === '') || implied.test(domain) ? undefined : `no operator set of domain '${domain}' is imported`;
  if (schema?.deprecated) return `${displayOp(op)} is gone since operator set ${schema.since}`;
  if (schema || domain !== '' || tolerated.has(name) || opset > newestOpset()) return undefined;
  return `there is no operator ${name} in operator set ${opset}`;
}

function checkOperands(node: Node, schema: OperatorVersion, say: (message: string) => void): void {
  const { inputs, outputs } = node;
  if (inputs.length > schema.maxInputs) say(`${displayOp(node.op)} takes at most ${schema.maxInputs} inputs, not ${inputs.length}`);
  if (outputs.length > schema.maxOutputs) say(`${displayOp(node.op)} has at most ${schema.maxOutputs} outputs, not ${outputs.length}`);
  const formals = schema.signature.inputs;
  // The inputs that may be left out in the middle may be left out at the end.
  const least = formals.findLastIndex((f, i) => f.option !== 'optional' && i < schema.minInputs) + 1;
  if (inputs.length < Math.min(least, schema.minInputs))
    say(`${displayOp(node.op)} needs ${schema.minInputs} inputs, not ${inputs.length}`);
  for (let i = 0; i < inputs.length; i++)
    if (!inputs[i] && formals[i]?.option === 'required')
      say(`its input ${schema.inputs[i]} is left out, but ${displayOp(node.op)} needs it`);
}

function checkAttributes(node: Node, schema: OperatorVersion, say: (message: string) => void): void {
  for (const [name, attribute] of node.attributes) {
    const known = schema.attributes.get(name)?.type;
    const { type } = attribute;
    // Names of runtimes' own begin with two underscores.
    if (known === undefined && !name.startsWith('__')) say(`${displayOp(node.op)} has no attribute ${name} in its version ${schema.since}`);
    else if (known !== undefined && type !== known && type !== 'reference' && type !== 'other')
      say(`its attribute ${name} is of type ${type}, not ${known}`);
  }
  for (const [name, { required }] of schema.attributes)
    if (required && !node.attributes.has(name)) say(`its attribute ${name} is missing, which ${displayOp(node.op)} needs`);
}
