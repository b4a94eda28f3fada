/**
 * `npm run bench` measures the commands (bench/commands.ts), `npm run bench -- frelu` what FReLU costs on ONNX Runtime (bench/frelu.ts).
 */
await import(process.argv[2] === 'frelu' ? './frelu.ts' : './commands.ts');
