// Builds dist from scratch. Plain JavaScript: the oldest supported Node can't run TypeScript.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const typescript = createRequire(import.meta.url).resolve('typescript/package.json');

rmSync(join(root, 'dist'), { recursive: true, force: true });
try {
  execFileSync(process.execPath, [join(typescript, '../bin/tsc'), '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
} catch {
  // The compiler has said why.
  process.exit(1);
}

// Generated JavaScript goes as it is: the compiler neither checks nor emits it.
for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
  if (/\.generated\.(js|d\.ts)$/.test(file)) copyFileSync(join(root, 'src', file), join(root, 'dist/src', file));
}
chmodSync(join(root, 'dist/src/cli/main.js'), 0o755);
