import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { progressBar } from '../src/cli/progress.ts';
import { fuzz } from './fuzz.ts';
import { Tally } from './tally.ts';

/**
 * `npm run fuzz -- [--seconds 60 | --networks 300] [--seed 1] [--only K]`: random networks through every pipeline, compared on ONNX Runtime.
 * A failure is shrunk, printed as ONNX text and written to fuzz-failures/; exit code 1.
 */
const { values } = parseArgs({
  options: { seconds: { type: 'string' }, networks: { type: 'string' }, seed: { type: 'string', default: '1' }, only: { type: 'string' } },
});
const seconds = values.seconds === undefined ? (values.networks === undefined ? 60 : Number.POSITIVE_INFINITY) : Number(values.seconds);
const networks = values.networks === undefined ? Number.POSITIVE_INFINITY : Number(values.networks);
const only = values.only === undefined ? undefined : Number(values.only);
const folder = 'fuzz-failures';

const tally = new Tally();
const bar = await progressBar();
const finish = (): never => {
  bar.stop();
  console.log(tally.table());
  for (const [why, n] of [...tally.discarded].sort((a, b) => b[1] - a[1])) console.log(`discarded ${n}: ${why}`);
  for (const [why, n] of tally.excused) console.log(`the runtime's own ${n}: ${why}`);
  console.log(tally.summary());
  process.exit(tally.failures > 0 ? 1 : 0);
};
process.on('SIGINT', finish);
await fuzz({
  seed: values.seed,
  tally,
  only,
  goesOn: started => (only === undefined ? started < networks && tally.seconds < seconds : started < 1),
  onProgress: () =>
    Number.isFinite(networks)
      ? bar.update(tally.networks, networks, tally.summary())
      : bar.update(Math.min(Math.round(tally.seconds), seconds), seconds, tally.summary()),
  onFailure(name, text) {
    mkdirSync(folder, { recursive: true });
    const path = `${folder}/${name}.onnxtxt`;
    writeFileSync(path, text);
    console.log(`${text}\n→ ${path}\n`);
  },
});
finish();
