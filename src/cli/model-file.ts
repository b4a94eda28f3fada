import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Model } from '../ir/model.ts';
import type { WriteOptions } from '../serde/model-file.ts';
import { naming, usage } from './failure.ts';

/** Reads a model as commands do: errors say which file they are about. */
export async function readModel(path: string): Promise<Model> {
  const { read } = await import('../api.ts');
  if (path === '-' && process.stdin.isTTY) throw usage("'-' is standard input, which is a terminal here; name a file, or pipe a model in");
  return naming(path, () => read(path));
}

export async function writeModel(model: Model, path: string, input: string, externalData?: string): Promise<void> {
  const { write } = await import('../api.ts');
  const options: WriteOptions = externalData === undefined ? {} : { externalData };
  // What goes wrong while weights are copied is about the model they come from.
  await naming(input, () => write(model, path, options));
}

/** The output that was asked for. @throws FunnelError E_USAGE when there is none, or when a model can't go there for sure. */
export async function wantedOutput(output: string | undefined): Promise<string> {
  if (output === undefined || output === '') throw usage("where should the model go? add -o FILE, or '-o -' for standard output");
  if (output === '-' && process.stdout.isTTY)
    throw usage("a model is binary, which a terminal can't show: add -o FILE, or pipe the output on");
  const folder = dirname(output);
  // Said before the work is done, not after.
  if (output !== '-' && !(await stat(folder).catch(() => undefined))?.isDirectory())
    throw usage(`can't write ${output}: there is no folder ${folder}`);
  return output;
}

/** Bytes of a file; undefined where that says nothing (a pipe, a device). */
export async function sizeOfFile(path: string): Promise<number | undefined> {
  const stats = path === '-' ? undefined : await stat(path).catch(() => undefined);
  return stats?.isFile() ? stats.size : undefined;
}
