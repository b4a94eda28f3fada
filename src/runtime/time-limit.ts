import { isMainThread, Worker } from 'node:worker_threads';
import { RuntimeFailure } from './failure.ts';

/**
 * No timer fires while this thread loops: another one counts, and interrupts the loop as a debugger would. Where this thread answers, it only
 * waits for something that does not come, and nothing is to be interrupted.
 */
const watchdog = `
const { parentPort, workerData: { milliseconds, answered, interrupts } } = require('node:worker_threads');
setTimeout(() => {
  parentPort.postMessage('late');
  if (!interrupts || Atomics.wait(answered, 0, 0, 1000) !== 'timed-out') return;
  const { Session } = require('node:inspector');
  const session = new Session();
  session.connectToMainThread();
  session.post('Runtime.terminateExecution');
  setInterval(() => {}, 1000);
}, milliseconds);`;

/** Milliseconds that anything may take where nobody says otherwise. */
export const usualTimeout = 300_000;

/** setTimeout counts milliseconds in 31 bits. */
const longest = 2 ** 31 - 1;

/**
 * Runs what a user wrote, which may loop, or wait, forever. In a worker thread, loops are not interrupted.
 * @throws RuntimeFailure `timeout`, where it does not end within so many milliseconds
 */
export async function within<T>(milliseconds: number, what: string, work: () => Promise<T>): Promise<T> {
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { milliseconds: Math.min(milliseconds, longest), answered, interrupts: isMainThread };
  const dog = new Worker(watchdog, { eval: true, workerData });
  const answer = () => {
    Atomics.store(answered, 0, 1);
    Atomics.notify(answered, 0);
  };
  const late = new Promise<never>((_, fail) => {
    dog.once('error', fail).once('message', () => {
      answer();
      fail(
        new RuntimeFailure(
          'timeout',
          'timeout',
          `${what} did not end within ${milliseconds / 1000} s: it loops, or needs a longer timeout`,
        ),
      );
    });
  });
  try {
    // In a task of its own: an interruption takes along all that is on the stack.
    return await Promise.race([late, new Promise(done => setImmediate(done)).then(work)]);
  } finally {
    answer();
    await dog.terminate();
  }
}
