import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generated } from '../src/codegen/generated.ts';

const root = join(import.meta.dirname, '..');

test('generated files are not stale (npm run generate)', async () => {
  const files = await generated(root);
  expect(files.size).toBeGreaterThan(3);
  for (const [path, text] of files) {
    expect(readFileSync(join(root, path), 'utf8'), path).toBe(text);
    expect(text.slice(0, 300), path).toMatch(/do not edit/i);
  }
});
