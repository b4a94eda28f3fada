import { ProviderUnavailable } from '../errors.ts';
import { RuntimeFailure } from '../runtime/failure.ts';
import type { LoadableModel, Optimization, Placement, Runtime, Session, Tensors } from '../runtime/session.ts';
import type { InputSet } from './inputs.ts';
import type { Failure } from './verdict.ts';

export interface Configuration {
  readonly provider: string;
  readonly optimization: Optimization;
}

export const referenceConfiguration: Configuration = { provider: 'cpu', optimization: 'disabled' };

export const isReference = (c: Configuration): boolean => c.provider === 'cpu' && c.optimization === 'disabled';

/** `cpu all` */
export const nameOf = (c: Configuration): string => `${c.provider} ${c.optimization}`;

/** What became of one model in one configuration. */
export interface Trial {
  readonly adapter: string | undefined;
  readonly placement: Placement | undefined;
  /** The failure that ended it; undefined when every input was run. */
  readonly failure: Failure | undefined;
}

/**
 * Loads a model, unless it is `opened` already, and shows the session each input in turn; then lets it go. The first failure ends the trial;
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
  try {
    session ??= await runtime.open(model.source, where);
    for (const set of sets) {
      input = set.label;
      await visit(session, set);
    }
    await session.close();
    return { adapter: session.adapter, placement: session.placement, failure: undefined };
  } catch (error) {
    const failure = failureOf(error, model.role, input);
    // A session of a dead child is gone already.
    await session?.close().catch(() => {});
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
