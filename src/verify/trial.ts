import { ProviderUnavailable } from '../errors.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { LoadableModel, Placement, Runtime, Session, Tensors } from '../runtime/session.ts';
import type { Configuration } from './configuration.ts';
import type { InputSet } from './inputs.ts';
import type { Failure } from './verdict.ts';

/** What became of one model in one configuration. */
export interface Trial {
  readonly adapter: string | undefined;
  readonly placement: Placement | undefined;
  /** The failure that ended it; undefined when every input was run. */
  readonly failure: Failure | undefined;
}

/**
 * Loads a model, unless it is `opened` already and still there, and shows the session each input in turn; then lets it go. The first failure ends the trial;
 * errors of ours pass through.
 */
export async function trial(
  runtime: Runtime,
  model: { readonly role: 'a' | 'b'; readonly source: LoadableModel },
  where: Configuration & { readonly threads: number },
  sets: readonly InputSet[],
  visit: (session: Session, set: InputSet) => Promise<void>,
  opened?: Session,
): Promise<Trial> {
  let session = opened;
  let input: string | undefined;
  // Models share a process: where another one has ended it, this one is opened anew, and is not to blame.
  const living = async () => (session?.isOpen ? session : runtime.open(model.source, where));
  try {
    session = await living();
    for (const set of sets) {
      session = await living();
      input = set.label;
      await visit(session, set);
    }
    await session.close();
    return { adapter: session.adapter, placement: session.placement, failure: undefined };
  } catch (error) {
    await session?.close().catch(() => {});
    const failure = failureOf(error, model.role, input);
    return { adapter: session?.adapter, placement: session?.placement, failure };
  }
}

/** The failure that an error stands for. @throws the error, when it is none of the runtime's. */
export function failureOf(error: unknown, model: 'a' | 'b', input?: string): Failure {
  if (error instanceof ProviderUnavailable) return { model, input, kind: 'provider', category: 'provider-missing', message: error.message };
  if (error instanceof RuntimeFailure) return { model, input, kind: error.kind, category: error.category, message: error.message };
  throw error;
}

/** The part of some feeds that a session asks for: a model that lost an input is fed with the rest. */
export function feedsFor(session: Session, feeds: Tensors): Tensors {
  return Object.fromEntries(session.inputs.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));
}
