import type { Runtime } from '../runtime/session.ts';

let shared: Runtime | undefined;

/**
 * The one runtime process that facts are asked of. It starts with the first question, and never keeps this process alive; facts
 * are small, so what takes 20 seconds or 2 GB is not one.
 */
export async function factRuntime(): Promise<Runtime> {
  // Loaded when there is a question: most folds have none.
  const { Runtime } = await import('../runtime/session.ts');
  shared ??= new Runtime({ timeout: 20_000, memoryLimit: 2e9 });
  return shared;
}

/** Ends that process, to have its memory back. The next question starts another. */
export async function closeFactRuntime(): Promise<void> {
  await shared?.close();
}
