import { readFileSync, existsSync } from 'node:fs';
import { verify } from './src/verify/verify.ts';
import { Runtime } from './src/runtime/session.ts';
const rt = new Runtime();
const only = process.argv[2]!; const limit = Number(process.argv[3] ?? 1e9); const until = Date.now() + Number(process.argv[4] ?? 240) * 1000;
let n = 0, ok = 0, exact = 0; const bad: string[] = [];
let rows = ['manifest-1', 'manifest-2'].flatMap(f => readFileSync(`/tmp/mutate/${f}.jsonl`, 'utf8').trim().split('\n').map(l => JSON.parse(l)));
rows = rows.filter(r => (only === 'unseen' ? ['escaped', 'needs layers'].includes(r.fate) : r.fate === 'caught') && r.b && existsSync(r.b) && existsSync(r.a));
if (only !== 'unseen') rows = rows.filter((_, i) => i % Math.ceil(rows.length / limit) === 0);
for (const r of rows) {
  if (Date.now() > until) break;
  const v = await verify({ path: r.a }, { path: r.b }, { runtime: rt, optimizations: ['disabled'], ...(only === 'unseen' ? {} : { kinds: ['normal'] as const }), ...(only === 'unseen' ? { layers: true } : { bisect: true }) });
  if (!v.layers && only !== 'unseen') continue;
  n++;
  const names = v.layers?.culprits.flatMap(c => [c.node.name, ...c.nodes.b.map(x => x.name), ...c.nodes.a.map(x => x.name)]) ?? [];
  if (v.status === 'different') ok++;
  if (names.includes(r.where)) exact++; else bad.push(`${r.kind} ${r.network} ${r.where}: ${v.layers?.culprits.map(c => c.node.name)} ${v.layers?.notes}`);
  if (only === 'unseen') console.log(r.kind, r.network, v.status, r.where, '|', v.layers?.culprits.map(c => c.node.name + ' ' + c.message.slice(0, 40)).join(';'));
}
console.log(only, 'tried', n, 'different', ok, 'exact', exact); for (const b of bad.slice(0, 40)) console.log('  ', b);
await rt.close(); process.exit();
