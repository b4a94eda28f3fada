import { parseArgs } from 'node:util';
import { bisectMain } from './bisect-main.ts';
import { breakMain } from './break-main.ts';
import { exactMain } from './exact-main.ts';

/**
 * Whether `funnel verify` can be trusted.
 * `npm run mutations -- [--networks GLOB] [--kinds GLOB] [--sites 1] [--provider webgpu]`: networks broken in every way that a rewrite
 * could break them; exit code 1 when one is called the same.
 * `npm run mutations -- bisect [the same]`: whether verify names the node that was broken, and whether the smallest subgraphs that differ
 * do so on their own.
 * `npm run mutations -- exact [--networks GLOB] [--provider webgpu] [--layers]`: rewrites that are right; exit code 1 when one is called different.
 * `--jsonl FILE` writes each result when it is there, one a line.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    networks: { type: 'string', default: '*' },
    kinds: { type: 'string', default: '*' },
    sites: { type: 'string', default: '1' },
    provider: { type: 'string' },
    layers: { type: 'boolean', default: false },
    jsonl: { type: 'string' },
  },
});
const { networks, kinds, sites, provider, layers, jsonl } = values;
if (positionals[0] === 'exact') await exactMain({ networks, provider, layers, jsonl });
else await (positionals[0] === 'bisect' ? bisectMain : breakMain)({ networks, kinds, sites: Number(sites), provider, jsonl });
