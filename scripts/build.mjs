// Builds dist from scratch. Plain JavaScript: the oldest supported Node can't run TypeScript.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';

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
// The command in few files: a hundred small ones take Node longer to find and link than a fold takes. The library stays as it is. The
// runtime's process lies beside the command, as it lies beside `child.ts` in the sources.
const cli = join(root, 'dist/src/cli');
const staged = join(root, 'dist/bundle');
await build({
  entryPoints: [join(cli, 'main.js'), join(root, 'dist/src/runtime/worker.js')],
  outdir: staged,
  entryNames: '[name]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
});
rmSync(cli, { recursive: true });
renameSync(staged, cli);
chmodSync(join(cli, 'main.js'), 0o755);
