#!/usr/bin/env node
// Nothing is imported at the top but what Node has loaded anyway: the version is told without loading the rest.
const [, , first] = process.argv;
if (first === '--version' || first === '-V') {
  const { version } = await import('./package.ts');
  process.stdout.write(`${version()}\n`);
} else {
  const { main } = await import('./program.ts');
  process.exitCode = await main(process.argv.slice(2));
}
