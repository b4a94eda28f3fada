let farewell: (() => Promise<unknown>) | undefined;

/**
 * Does `work`; where a signal ends the process before that is over, `leave` has its turn first, and what `work` comes to is of no interest
 * any more: the runtime's process is interrupted with ours.
 */
export async function leaving<T>(leave: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  let left = false;
  farewell = () => {
    left = true;
    return leave();
  };
  try {
    return await work();
  } finally {
    if (left) await new Promise(() => {});
    farewell = undefined;
  }
}

/** What is to be done before a signal ends the process. A second signal does not wait for what the first one began. */
export async function interrupt(): Promise<void> {
  const leave = farewell;
  farewell = undefined;
  await leave?.();
}
