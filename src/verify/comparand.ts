import type { Model } from '../ir/model.ts';
import type { ModelSource } from '../runtime/session.ts';
import { decode, read } from '../serde/model-file.ts';
import type { Declared } from './declared.ts';
import type { ModelFacts } from './facts.ts';

/** One of the two models: a file, or bytes; the label is what reports call it. */
export type Comparand = ModelSource & {
  readonly label?: string;
  /** The same model, where it is read already: layers and self-checks then need not read it again. */
  readonly model?: Model;
  /** What is known of it, likewise. */
  readonly facts?: ModelFacts;
  /** What the model says of its edges that the runtime does not. */
  readonly declared?: Declared;
};

/** The model itself, read where it has to be. */
export function modelOf(source: Comparand): Model | Promise<Model> {
  if (source.model) return source.model;
  if ('path' in source) return read(source.path, { inPlace: true });
  return decode(source.bytes, source.directory === undefined ? {} : { directory: source.directory });
}
