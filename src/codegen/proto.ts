import { join } from 'node:path';
import pbjs from 'protobufjs-cli/pbjs.js';

const header = '// Generated from onnx.proto by `npm run generate`. Do not edit.\n';

interface Field {
  readonly rule?: 'repeated';
  readonly type: string;
  readonly id: number;
}
type Messages = Readonly<Record<string, { readonly fields: Readonly<Record<string, Field>> }>>;

/** The codec of `src/serde/onnx.proto` and its types: path from `root` → content, the same every time. */
export async function generateProto(root = join(import.meta.dirname, '../..')): Promise<Map<string, string>> {
  const schema = join(root, 'src/serde/onnx.proto');
  const minimal = ['verify', 'convert', 'create', 'delimited', 'typeurl', 'service', 'comments'].map(part => `--no-${part}`);
  const code = await run(['-t', 'static-module', '-w', 'esm', '--es6', '--keep-case', '-r', 'onnx-funnel', ...minimal, schema]);
  const { nested } = JSON.parse(await run(['-t', 'json', '--keep-case', schema])) as { nested: { onnx: { nested: Messages } } };
  const messages = nested.onnx.nested;
  return new Map([
    ['src/serde/onnx.generated.js', header + adapt(code) + fieldTable(messages)],
    ['src/serde/onnx.generated.d.ts', header + declarations(messages)],
  ]);
}

function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    pbjs.main([...args], (error, output) => (error ? reject(error) : resolve(output ?? '')));
  });
}

/**
 * Lets the generated code call our reader and writer: 64-bit integers are bigints (`integer`), and messages are counted as they are
 * entered (`nest`). Empty lists stay on the prototype, which halves the memory of a node; unknown fields become ordinary properties.
 */
function adapt(code: string): string {
  const edits: readonly [RegExp, string][] = [
    [/^\/\*eslint-disable.*\n/, ''],
    [/^ +this\.\w+ = \[\];\n/gm, ''],
    [/^ +\$util\.makeProp\(message, "\$unknowns", false\);\n/gm, ''],
    [/\$util\.Long \? \$util\.Long\.fromBits\(0,0,false\) : 0/g, '0n'],
    [/\$util\.newBuffer\(\[\]\)/g, 'new Uint8Array(0)'],
    [/\.int64\(/g, '.integer('],
    [/\.int64s\(/g, '.integers('],
    [/\.decode\(reader, reader\.size\(\)/g, '.decode(reader, reader.nest()'],
  ];
  return edits.reduce((text, [from, to]) => {
    if (text.search(from) < 0) throw new Error(`pbjs no longer writes ${from}: the adaptation of its output must be looked at again`);
    return text.replace(from, to);
  }, code);
}

/** Which fields of a message are messages: what it takes to say where in a model a byte lies. */
function fieldTable(messages: Messages): string {
  const rows = Object.entries(messages).map(([name, { fields }]) => {
    const entries = Object.entries(fields).map(([field, { id, type, rule }]) => {
      const nested = type in messages ? `, message: '${type}'` : '';
      return `    ${id}: { name: '${field}'${nested}${rule ? ', repeated: true' : ''} },\n`;
    });
    return `  ${name}: {\n${entries.join('')}  },\n`;
  });
  return `\nexport const fields = {\n${rows.join('')}};\n`;
}

const scalars: Readonly<Record<string, string>> = {
  int64: 'bigint',
  int32: 'number',
  float: 'number',
  string: 'string',
  bytes: 'Uint8Array',
};

function declarations(messages: Messages): string {
  const interfaces = Object.entries(messages).map(([name, { fields }]) => {
    const members = Object.entries(fields).map(([field, { type, rule }]) => {
      const item = scalars[type] ?? type;
      return `  readonly ${field}: ${rule ? `readonly ${item}[]` : type in messages ? `${item} | null` : item};\n`;
    });
    return `export interface ${name} extends Message {\n${members.join('')}}\n`;
  });
  const types = Object.keys(messages).map(name => `  readonly ${name}: MessageType<${name}>;\n`);
  return `import type { Message, MessageType } from './wire.js';

${interfaces.join('\n')}
export declare const onnx: {
${types.join('')}};

/** Of each message: its fields by number. */
export declare const fields: Readonly<
  Record<string, Readonly<Record<number, { readonly name: string; readonly message?: string; readonly repeated?: true }>>>
>;
`;
}
