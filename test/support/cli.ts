import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../..');
const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The loader looks for a tsconfig.json in the working folder; ours says what JSX is. */
export const sources = { TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') };

/** What a process left behind. */
export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** How a process is started. */
export interface Settings {
  readonly cwd: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with what the process wrote to standard error so far. */
  readonly onStart?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs the command line from source. */
export function runFunnel(args: readonly string[], { cwd, stdin, env = {}, onStart }: Settings): Promise<Result> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--import', loader, join(root, 'src/cli/main.ts'), ...args], {
      cwd,
      env: { ...process.env, ...sources, FORCE_COLOR: undefined, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', fail);
    child.on('close', code => {
      const bytes = Buffer.concat(out);
      done({ code, bytes, stdout: bytes.toString(), stderr: Buffer.concat(err).toString() });
    });
    child.stdin.on('error', () => {});
    if (stdin === undefined) child.stdin.end();
    else createReadStream(stdin).pipe(child.stdin);
    onStart?.(child);
  });
}

/** Does things two at a time, each a process or two; results in order. */
export async function twoAtATime<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = [...items.entries()];
  const worker = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) results[next[0]] = await run(next[1]);
  };
  await Promise.all([worker(), worker()]);
  return results;
}
