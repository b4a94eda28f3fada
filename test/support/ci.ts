import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFunnel, type Settings } from './cli.ts';

/** A folder with models and configurations; the test file removes it when it ends. */
export const folder = mkdtempSync(join(tmpdir(), 'funnel-ci-'));
export const at = (name: string) => join(folder, name);
export const funnel = (args: readonly string[], settings: Partial<Settings> = {}) => runFunnel(args, { cwd: folder, ...settings });
export const json = (name: string) => JSON.parse(readFileSync(at(name), 'utf8'));
export const config = (name: string, value: unknown) => writeFileSync(at(name), JSON.stringify(value));

export const model = (...nodes: readonly string[]) =>
  `<ir_version: 8, opset_import: ["" : 17]>\ng (float[2,4] x) => (float[2,4] y) { ${nodes.join('\n')} }\n`;

export const relu = 'models/relu.onnxtxt';
export const idle = 'models/relu-identity.onnxtxt';
export const leaky = 'models/leaky.onnxtxt';
mkdirSync(at('models'));
writeFileSync(at(relu), model('y = Relu (x)'));
writeFileSync(at(idle), model('z = Relu (x)', 'y = Identity (z)'));
writeFileSync(at(leaky), model('a = Neg (x)', 'b = Neg (a)', 'y = LeakyRelu <alpha = 0.1> (b)'));

/** One quick comparison. */
export const quick = { kinds: ['normal'], optimizations: ['disabled'], selfCheck: false };
