import { clip } from '../report/format.ts';

/** A bar on a terminal's standard error. It is for people alone: elsewhere nothing is drawn. */
export interface Progress {
  readonly update: (done: number, total: number, what: string) => void;
  stop(): void;
}

export async function progressBar(): Promise<Progress> {
  if (!process.stderr.isTTY) return { update: () => {}, stop: () => {} };
  const { default: bars } = await import('cli-progress');
  const bar = new bars.SingleBar({
    format: ' {bar} {value}/{total} {what}',
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: false,
    // Else a bar that is interrupted would leave the terminal without line wrapping.
    linewrap: true,
    barsize: 20,
  });
  bar.start(1, 0, { what: '' });
  return {
    update(done, total, what) {
      bar.setTotal(total);
      bar.update(done, { what: clip(what) });
    },
    stop: () => bar.stop(),
  };
}
