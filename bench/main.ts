/**
 * `npm run bench` measures the commands (bench/commands.ts), `npm run bench -- simplify` simplifying and folding beside other tools
 * (bench/simplify.ts), `npm run bench -- frelu` what FReLU costs on ONNX Runtime (bench/frelu.ts), `npm run bench -- verify` what a verdict
 * costs (bench/verify.ts), `npm run bench -- reports` how long reports take (bench/reports.ts).
 */
const others: Readonly<Record<string, string>> = {
  frelu: './frelu.ts',
  simplify: './simplify.ts',
  verify: './verify.ts',
  reports: './reports.ts',
};
await import(others[process.argv[2] ?? ''] ?? './commands.ts');
