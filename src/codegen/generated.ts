import { publishedSchemas } from '../report/schema.ts';
import { generateClient } from './client.ts';
import { generateOperators } from './operators.ts';
import { readPassDocs, renderPassData, renderPassPage } from './pass-docs.ts';
import { generateProto } from './proto.ts';

/** Every generated file of the repository: path → content. `npm run generate` writes them; a test compares them. */
export async function generated(root: string): Promise<Map<string, string>> {
  const docs = readPassDocs(root);
  return new Map([
    ['src/ops/schema.generated.ts', generateOperators(root)],
    ['passes/README.md', renderPassPage(docs)],
    ['passes/docs.generated.ts', renderPassData(docs)],
    ...[...publishedSchemas()].map(([name, schema]): [string, string] => [`schemas/${name}`, `${JSON.stringify(schema, undefined, 2)}\n`]),
    ['src/report/html/client.generated.ts', await generateClient(root)],
    ...(await generateProto()),
  ]);
}
