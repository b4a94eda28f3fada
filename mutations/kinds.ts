import { activationKinds } from './activations.ts';
import { edgeKinds } from './edges.ts';
import type { Kind } from './kind.ts';
import { normalizationKinds } from './normalizations.ts';
import { topologyKinds } from './topology.ts';
import { weightKinds } from './weights.ts';
import { windowKinds } from './windows.ts';

/** Every way to break a rewrite. */
export const kinds: readonly Kind[] = [
  ...activationKinds,
  ...normalizationKinds,
  ...weightKinds,
  ...windowKinds,
  ...topologyKinds,
  ...edgeKinds,
];
