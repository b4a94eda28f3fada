import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Project, type SourceFile } from 'ts-morph';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

/** Lower layers first. A file may import from its own layer or from a lower one. */
const layers = [
  'src/errors.ts',
  'src/known-names.ts',
  'src/tensor/',
  'src/ops/',
  'src/ir/',
  'src/text/',
  'src/serde/',
  'src/rewrite/',
  'src/functions/',
  'src/runtime/',
  'src/infer/',
  'passes/',
  'src/inspect/',
  'src/verify/',
  'src/measure/',
  'src/report/',
  'src/codegen/',
  'src/api.ts',
  'src/ci/',
  'src/index.ts',
  'src/cli/',
];

/** Packages that only one folder may import. */
const onlyIn: Readonly<Record<string, string>> = {
  protobufjs: 'src/serde/',
  'onnxruntime-node': 'src/runtime/',
  'ts-morph': 'src/codegen/',
};

const project = new Project({ skipAddingFilesFromTsConfig: true, skipFileDependencyResolution: true, skipLoadingLibFiles: true });
const files = project.addSourceFilesAtPaths([`${root}/src/**/*.{ts,tsx}`, `${root}/passes/*.ts`, `!${root}/**/*.d.ts`]);
const tests = project.addSourceFilesAtPaths(`${root}/test/**/*.{ts,tsx}`);
const pathOf = (file: SourceFile) => relative(root, file.getFilePath());
const layerOf = (path: string) => layers.findIndex(l => path.startsWith(l));

/** Static and dynamic imports, types included. */
function importsOf(file: SourceFile): string[] {
  const declared = [...file.getImportDeclarations(), ...file.getExportDeclarations()].flatMap(d => d.getModuleSpecifierValue() ?? []);
  const dynamic = [...file.getFullText().matchAll(/\bimport\('([^']+)'\)/g)].map(m => m[1]!);
  return [...declared, ...dynamic];
}

test('every file has a layer', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.map(pathOf).filter(path => layerOf(path) < 0)).toEqual([]);
});

test('imports only point down', () => {
  const upward = files.flatMap(file =>
    importsOf(file)
      .filter(specifier => specifier.startsWith('.'))
      .map(specifier => relative(root, join(dirname(file.getFilePath()), specifier)))
      .filter(target => layerOf(target) > layerOf(pathOf(file)))
      .map(target => `${pathOf(file)} → ${target}`),
  );
  expect(upward).toEqual([]);
});

test('each foreign engine has one folder', () => {
  const strays = files.flatMap(file =>
    importsOf(file)
      .filter(s =>
        Object.entries(onlyIn).some(([name, folder]) => (s === name || s.startsWith(`${name}/`)) && !pathOf(file).startsWith(folder)),
      )
      .map(s => `${pathOf(file)} imports ${s}`),
  );
  expect(strays).toEqual([]);
});

test('no barrel files inside src', () => {
  expect(files.map(pathOf).filter(path => /^src\/.+\/index\.tsx?$/.test(path))).toEqual([]);
});

test('files stay small, passes smaller', () => {
  const lines = (text: string) => text.split('\n').length;
  expect(tests.length).toBeGreaterThan(50);
  const large = [...files, ...tests].filter(f => !pathOf(f).includes('.generated.')).filter(f => lines(f.getFullText()) > 300);
  expect(large.map(pathOf)).toEqual([]);
  const code = (text: string) => text.split('\n').filter(line => !/^\s*(\/\/|\/\*|\*|$)|^import/.test(line)).length;
  const engine = files.filter(f => pathOf(f).startsWith('src/rewrite/')).reduce((sum, f) => sum + code(f.getFullText()), 0);
  expect(engine).toBeLessThanOrEqual(750);
  const long = files.filter(f => /^passes\/(?!index|docs)/.test(pathOf(f)) && code(f.getFullText()) > 70);
  expect(long.map(pathOf)).toEqual([]);
});

test('every pass is in the index', async () => {
  const { passes } = await import('../passes/index.ts');
  const names = readdirSync(join(root, 'passes')).flatMap(f =>
    f.endsWith('.ts') && f !== 'index.ts' && !f.includes('.generated.') ? [f.slice(0, -3)] : [],
  );
  expect(Object.keys(passes).sort()).toEqual(names.sort());
});
