/** What a person, or a CI job that is cancelled, interrupts with. */
const signals = { SIGINT: 2, SIGTERM: 15 } as const;

/** An interruption that a command ends by itself. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Exit code of an interrupted process; undefined while nobody interrupted it. */
  readonly exitCode: number | undefined;
  /** Leaves signals to the process again. */
  stop(): void;
}

/** Lets a command report what it has when it is interrupted. The second time, the process ends as it does elsewhere. */
export function interruption(): Interruption {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const names = Object.keys(signals) as (keyof typeof signals)[];
  const before = names.map(name => process.listeners(name) as NodeJS.SignalsListener[]);
  const stop = () => {
    for (const [i, name] of names.entries()) {
      process.off(name, interrupt);
      for (const listener of before[i]!.splice(0)) process.on(name, listener);
    }
  };
  const interrupt = (name: NodeJS.Signals) => {
    exitCode = 128 + signals[name as keyof typeof signals];
    stop();
    controller.abort();
  };
  for (const name of names) process.removeAllListeners(name).on(name, interrupt);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    stop,
  };
}
