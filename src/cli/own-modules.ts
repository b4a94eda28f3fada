import { packageRoot } from './package.ts';

/** What users' modules import from this package. */
const declarations: Readonly<Record<string, string>> = {
  'onnx-funnel': 'src/index',
  'onnx-funnel/rules': 'src/rewrite/rules',
  'onnx-funnel/passes': 'passes/index',
};

/**
 * Lets users' modules import this very package, however they and it were installed: its classes are one another's. What they print goes
 * to standard error: standard output has the answer, which may be JSON.
 */
export async function provideOwnModules(): Promise<void> {
  console.log = console.info = console.debug = console.error;
  const { provideModules } = await import('../serde/module-file.ts');
  provideModules(async () => {
    const [index, rules, passes] = await Promise.all([
      import('../index.ts'),
      import('../rewrite/rules.ts'),
      import('../../passes/index.ts'),
    ]);
    return { 'onnx-funnel': index, 'onnx-funnel/rules': rules, 'onnx-funnel/passes': passes };
  });
}

/** The files with their types: declarations where the package is built, else sources. */
export function ownTypes(): Record<string, string> {
  const source = import.meta.url.endsWith('.ts');
  const file = (name: string) => (source ? `${packageRoot}${name}.ts` : `${packageRoot}dist/${name}.d.ts`);
  return Object.fromEntries(Object.entries(declarations).map(([module, name]) => [module, file(name)]));
}
