import { Project, ts } from 'ts-morph';
import type { Problem } from '../errors.ts';

/** Complaints that the types of Node.js are not there: whoever runs a file has Node.js, its types or not. */
const aboutNode: readonly number[] = [2580, 2584, 2591, 2592, 7016];

/**
 * What TypeScript finds wrong with a file, at `file:line:column`.
 * @param label what the file itself is called
 * @param types where the declarations of modules are: name → file
 */
export function typeProblems(path: string, label: string, types: Readonly<Record<string, string>>): Problem[] {
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
      strict: true,
      // What comes out of modules without types is any; callbacks over it need not say so.
      noImplicitAny: false,
      skipLibCheck: true,
      noEmit: true,
      types: [],
      paths: Object.fromEntries(Object.entries(types).map(([name, file]) => [name, [file]])),
    },
  });
  const file = project.addSourceFileAtPath(path).compilerNode;
  const program = project.getProgram().compilerObject;
  const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  return found
    .filter(({ code }) => !aboutNode.includes(code))
    .map(problem => ({ where: placeOf(problem, label), message: messageOf(problem) }));
}

function placeOf({ file, start }: ts.Diagnostic, label: string): string {
  if (!file || start === undefined) return label;
  const { line, character } = file.getLineAndCharacterOfPosition(start);
  return `${label}:${line + 1}:${character + 1}`;
}

/** A chain of messages in a line. */
function messageOf({ messageText }: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(messageText, ' ').replace(/\s+/g, ' ');
}
