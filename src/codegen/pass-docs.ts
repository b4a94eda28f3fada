import { Node, Project } from 'ts-morph';

/** What the doc comment of a pass says: the source of its documentation, of its tests, and of `funnel passes <name>`. */
export interface PassDoc {
  readonly name: string;
  readonly file: string;
  /** The first sentence or paragraph. */
  readonly summary: string;
  /** All of it, the graphs left out. */
  readonly description: string;
  /** Graphs in ONNX's textual syntax. */
  readonly before: string;
  readonly after: string;
}

/** Reads the doc comment of every pass in `passes/`. @throws Error for a pass without comment, `@before` or `@after`. */
export function readPassDocs(root: string): PassDoc[] {
  const project = new Project({ skipAddingFilesFromTsConfig: true, skipFileDependencyResolution: true, skipLoadingLibFiles: true });
  const files = project.addSourceFilesAtPaths([`${root}/passes/*.ts`, `!${root}/passes/index.ts`, `!${root}/passes/*.generated.ts`]);
  return files.map(file => {
    const name = file.getBaseNameWithoutExtension();
    const exported = camelCase(name);
    const declaration = file.getFunction(exported) ?? file.getVariableStatement(exported);
    const doc = declaration && Node.isJSDocable(declaration) ? declaration.getJsDocs()[0] : undefined;
    if (!doc) throw new Error(`passes/${name}.ts must export ${exported} with a doc comment`);
    // Not ts-morph's tags: a graph may hold an @reference, which is no tag.
    const comment = doc
      .getText()
      .replace(/^\/\*\*|\*\/$/g, '')
      .replaceAll(/^ *\* ?/gm, '');
    const description = comment.slice(0, comment.indexOf('@before')).trim();
    return {
      name,
      file: file.getBaseName(),
      summary: description.split('\n\n')[0]!.replaceAll('\n', ' '),
      description,
      before: graphOf(comment, 'before', name),
      after: graphOf(comment, 'after', name),
    };
  });
}

const camelCase = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

function graphOf(comment: string, tag: string, pass: string): string {
  const graph = comment.split(`@${tag}\n`)[1]?.match(/^```onnx\n([\s\S]*?)\n?```/)?.[1];
  if (graph === undefined) throw new Error(`the doc comment of ${pass} has no @${tag} with a graph`);
  return graph;
}

const HEAD = 'by `npm run generate` from the doc comments of the passes. Do not edit.';

/** The page that lists the passes. */
export function renderPassPage(docs: readonly PassDoc[]): string {
  const table = docs.map(d => `| [\`${d.name}\`](#${d.name}) | ${d.summary.replaceAll('|', '\\|')} |`);
  const sections = docs.map(
    d => `## ${d.name}\n\n${d.description}\n\nBefore:\n\n\`\`\`\n${d.before}\n\`\`\`\n\nAfter:\n\n\`\`\`\n${d.after}\n\`\`\``,
  );
  return `<!-- Generated ${HEAD} -->\n\n# Passes\n\n| pass | what it does |\n| --- | --- |\n${table.join('\n')}\n\n${sections.join('\n\n')}\n`;
}

/** The same for the command line, which has no doc comments any more. */
export function renderPassData(docs: readonly PassDoc[]): string {
  const record = Object.fromEntries(
    docs.map(({ name, summary, description, before, after }) => [name, { summary, description, before, after }]),
  );
  const type = '{ readonly summary: string; readonly description: string; readonly before: string; readonly after: string }';
  return `// Generated ${HEAD}\nexport const docs: Readonly<Record<string, ${type}>> = ${JSON.stringify(record, null, 2)};\n`;
}
