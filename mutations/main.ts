import { parseArgs } from 'node:util';
import { breakMain } from './break-main.ts';
import { exactMain } from './exact-main.ts';

/**
 * Whether `funnel verify` can be trusted.
 * `npm run mutations -- [--networks GLOB] [--kinds GLOB] [--sites 1] [--provider webgpu] [--json FILE]`: networks broken in every way that
 * a rewrite could break them; exit code 1 when one is called the same.
 * `npm run mutations -- exact [--networks GLOB] [--provider webgpu] [--json FILE]`: rewrites that are right; exit code 1 when one is called different.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    networks: { type: 'string', default: '*' },
    kinds: { type: 'string', default: '*' },
    sites: { type: 'string', default: '1' },
    provider: { type: 'string' },
    json: { type: 'string' },
  },
});
const { networks, kinds, sites, provider, json } = values;
if (positionals[0] === 'exact') await exactMain({ networks, provider, json });
else await breakMain({ networks, kinds, sites: Number(sites), provider, json });
