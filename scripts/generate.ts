import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generated } from '../src/codegen/generated.ts';

/** Writes every generated file. */
const root = join(import.meta.dirname, '..');
for (const [path, text] of await generated(root)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(path);
}
