import type { FunctionComponent } from 'preact';
import { UpdraftProvider } from '../../bindings/react/index.ts';
import type { Client } from './use-updraft.ts';

/** The binding's provider as a component of Preact, whose elements React's types do not know. */
export const Provider = UpdraftProvider as unknown as FunctionComponent<{
  readonly updraft: Client | undefined;
}>;
