let farewell: (() => Promise<unknown>) | undefined;

/** Does `work`; where a signal ends the process before that is over, `leave` has its turn first. */
export async function leaving<T>(leave: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  farewell = leave;
  try {
    return await work();
  } finally {
    farewell = undefined;
  }
}

/** What is to be done before a signal ends the process. The second signal does not wait for what the first one began. */
export async function interrupt(): Promise<void> {
  const leave = farewell;
  farewell = undefined;
  await leave?.();
}
