import { type InterfaceDeclaration, Project, QuoteKind, Scope, type SourceFile } from 'ts-morph';
import { FunnelError } from '../errors.ts';
import type { Model } from '../ir/model.ts';
import { type Edge, type Edges, edgesOf } from './client-edges.ts';
import { checkDims, checkNames, feed, fetched, valueType } from './client-support.ts';
import { camelCase, inComment, isGlobal, isIdentifier, literal, pascalCase, unique } from './identifiers.ts';

export interface ClientOptions {
  /** Name of the class; default: made of `source`. */
  readonly name?: string | undefined;
  /** What comments call the model: a file name. */
  readonly source: string;
  /** The command line that makes the client again, for its first line. */
  readonly command: string;
}

/** An edge with the identifier that stands for it. */
type Member = Edge & { readonly key: string };

/** What the module has names for already. */
const reserved = new Set([
  'Tensor',
  'InferenceSession',
  'Value',
  'checkNames',
  'checkDims',
  'feed',
  'fetched',
  'inputValues',
  'outputValues',
]);

/**
 * A TypeScript module with a class that runs a model on onnxruntime-node: typed inputs and outputs by the model's own names, checked at
 * run time. The same model and options give the same text.
 * @throws FunnelError `E_INTERFACE` for inputs and outputs that onnxruntime-node can't handle, `E_USAGE` for a name that is none.
 */
export async function clientSource(model: Model, options: ClientOptions): Promise<string> {
  const name = classNameOf(options);
  const edges = await edgesOf(model);
  const members = { inputs: membersOf(edges.inputs, 'input'), outputs: membersOf(edges.outputs, 'output') };
  const project = new Project({ useInMemoryFileSystem: true, manipulationSettings: { quoteKind: QuoteKind.Single } });
  const file = project.createSourceFile('client.ts');
  file.addImportDeclaration({ moduleSpecifier: 'onnxruntime-node', namedImports: ['InferenceSession', 'Tensor'] });
  const source = inComment(options.source);
  addEdges(file, `${name}Inputs`, `What ${source} takes.`, members.inputs);
  addEdges(file, `${name}Outputs`, `What ${source} gives back.`, members.outputs);
  addOptions(file, name);
  addClass(file, name, members, classDoc(source, edges));
  addValues(file, 'inputValues', members.inputs);
  addValues(file, 'outputValues', members.outputs);
  addSupport(file, members);
  file.formatText({ indentSize: 2, convertTabsToSpaces: true });
  return `// Do not edit. Made by \`${inComment(options.command)}\`.\n${file.getFullText().trim()}\n`;
}

function classNameOf({ name, source }: ClientOptions): string {
  const made = name ?? `${pascalCase(source.replace(/\.[^.]*$/, ''), 'Model')}Client`;
  if (!isIdentifier(made)) throw new FunnelError('E_USAGE', `'${made}' can't be the name of a class: --name gives another`);
  if (reserved.has(made) || isGlobal(made))
    throw new FunnelError('E_USAGE', `'${made}' has a meaning in TypeScript or in the client: --name gives another`);
  return made;
}

function membersOf(edges: readonly Edge[], role: 'input' | 'output'): Member[] {
  const used = new Set<string>();
  return edges.map(edge => ({ ...edge, key: unique(camelCase(edge.name, role), used) }));
}

function addEdges(file: SourceFile, name: string, doc: string, members: readonly Member[]): InterfaceDeclaration {
  return file.addInterface({
    name,
    isExported: true,
    docs: [doc],
    properties: members.map(m => ({
      name: m.key,
      isReadonly: true,
      type: `{ readonly data: ${dataType(m)}; readonly dims: ${dimsType(m)} }`,
      docs: [describe(m)],
    })),
  });
}

/** `image`: float32 [N, 3, 224, 224]. */
function describe({ name, type, dtype, shape }: Member): string {
  const sizes = shape ? `[${shape.map(d => (typeof d === 'string' ? inComment(d) : (d ?? '?'))).join(', ')}]` : 'of any shape';
  const bits = dtype === 'float16' ? ', as bits' : dtype === 'bool' ? ', 0 or 1' : '';
  return `\`${inComment(name)}\`: ${type} ${shape?.length === 0 ? 'scalar' : sizes}${bits}.`;
}

const dataType = ({ array }: Member): string => (array === 'Array' ? 'readonly string[]' : array);

/** `readonly [n: number, 3, 224, 224]`: symbols by name, fixed sizes as they are. */
function dimsType({ shape }: Member): string {
  if (!shape) return 'readonly number[]';
  return `readonly [${shape.map(d => (typeof d === 'string' ? `${isIdentifier(d) ? d : camelCase(d, 'size')}: number` : (d ?? 'number'))).join(', ')}]`;
}

function addOptions(file: SourceFile, name: string): void {
  file.addInterface({
    name: `${name}Options`,
    isExported: true,
    docs: [`How ${name} runs: the options of a session, and the provider by name.`],
    extends: ['InferenceSession.SessionOptions'],
    properties: [
      {
        name: 'provider',
        isReadonly: true,
        hasQuestionToken: true,
        type: 'string',
        docs: ["Execution provider, such as `cpu`, `webgpu` or `cuda`; default: the runtime's choice."],
      },
    ],
  });
}

function classDoc(source: string, { overridable }: Edges): string {
  const doc = [`${source} on ONNX Runtime.`];
  if (overridable.length > 0) {
    const names = overridable.map(name => `\`${inComment(name)}\``).join(', ');
    doc.push(
      '',
      'Weights that the model lets a caller override are not among the inputs, since onnxruntime-node has no way to do so:',
      `${names}.`,
    );
  }
  return doc.join('\n');
}

type Members = { readonly inputs: readonly Member[]; readonly outputs: readonly Member[] };

function addClass(file: SourceFile, name: string, { inputs, outputs }: Members, doc: string): void {
  const names = (members: readonly Member[]) => `[${members.map(m => literal(m.name)).join(', ')}]`;
  const created = file.addClass({ name, isExported: true, docs: [doc] });
  created.addProperty({ name: '#session', isReadonly: true, type: 'InferenceSession' });
  created.addConstructor({
    scope: Scope.Private,
    parameters: [{ name: 'session', type: 'InferenceSession' }],
    statements: 'this.#session = session;',
  });
  created.addMethod({
    isStatic: true,
    isAsync: true,
    name: 'create',
    docs: [
      'Loads the model from a file or from bytes.\n@throws Error when it is another model: one whose inputs or outputs have other names.',
    ],
    parameters: [
      { name: 'model', type: 'string | Uint8Array' },
      { name: 'options', type: `${name}Options`, initializer: '{}' },
    ],
    returnType: `Promise<${name}>`,
    statements: `const { provider, ...rest } = options;
const settings = provider === undefined ? rest : { ...rest, executionProviders: [provider] };
const session = await (typeof model === 'string' ? InferenceSession.create(model, settings) : InferenceSession.create(model, settings));
try {
  checkNames('inputs', session.inputNames, ${names(inputs)});
  checkNames('outputs', session.outputNames, ${names(outputs)});
} catch (error) {
  await session.release();
  throw error;
}
return new ${name}(session);`,
  });
  created.addMethod({
    isAsync: true,
    name: 'run',
    docs: [
      `Runs the model once.${inputs.length > 0 ? '\n@throws TypeError for elements of another type, RangeError for sizes that do not fit; a symbol is one size in all of a call.' : ''}`,
    ],
    parameters: inputs.length > 0 ? [{ name: 'inputs', type: `${name}Inputs` }] : [],
    returnType: `Promise<${name}Outputs>`,
    statements: runBody(name, inputs, outputs),
  });
  created.addMethod({
    isAsync: true,
    name: 'dispose',
    docs: ['Lets the model go.'],
    returnType: 'Promise<void>',
    statements: 'await this.#session.release();',
  });
}

function runBody(name: string, inputs: readonly Member[], outputs: readonly Member[]): string {
  // Computed keys: written plainly, one of them would set the prototype.
  const feeds = inputs.map(m => `  [${literal(m.name)}]: feed(inputValues.${m.key}, inputs.${m.key}, sizes),`);
  const results = outputs.map(
    m => `  ${m.key}: fetched(outputValues.${m.key}, results[${literal(m.name)}]) as unknown as ${name}Outputs[${literal(m.key)}],`,
  );
  return [
    ...(inputs.length > 0 ? ['const sizes = new Map<string, number>();'] : []),
    ...(inputs.length > 0
      ? ['const results = await this.#session.run({', ...feeds, '});']
      : ['const results = await this.#session.run({});']),
    'return {',
    ...results,
    '};',
  ].join('\n');
}

function addValues(file: SourceFile, name: string, members: readonly Member[]): void {
  if (members.length === 0) return;
  const shape = ({ shape }: Member) =>
    shape ? `[${shape.map(d => (typeof d === 'string' ? literal(d) : (d ?? 'null'))).join(', ')}]` : 'undefined';
  const lines = members.map(
    m => `  ${m.key}: { name: ${literal(m.name)}, type: ${literal(m.type)}, array: ${m.array}, shape: ${shape(m)} },`,
  );
  file.addStatements(`\nconst ${name} = {\n${lines.join('\n')}\n} as const satisfies Readonly<Record<string, Value>>;`);
}

function addSupport(file: SourceFile, { inputs, outputs }: Members): void {
  const isBits = (m: Member) => m.type === 'float16';
  const parts = [
    valueType,
    checkNames,
    checkDims,
    ...(inputs.length > 0 ? [feed(inputs.some(isBits))] : []),
    fetched(outputs.some(isBits)),
  ];
  for (const part of parts) file.addStatements(`\n${part}`);
}
