import {
  createContext,
  createElement,
  useContext,
  useSyncExternalStore,
  type ReactElement,
  type ReactNode,
} from 'react';
import type {
  Conflict,
  DeadLetter,
  OutboxEntry,
  Query,
  Row,
  Rows,
  Status,
  Updraft,
} from '../../client/index.ts';
import {
  conflictsReader,
  connectionReader,
  deadLettersReader,
  outboxReader,
  queryReader,
  recordReader,
  statusReader,
  type AnyUpdraft,
  type Connection,
} from '../core/readers.ts';
import { NOTHING, type Reading, type Reader } from '../core/reader.ts';
import { noConnection } from '../core/words.ts';

export type { Connection, Reading };

const Context = createContext<Reading<AnyUpdraft> | undefined>(undefined);

/**
 * Gives the client to all components inside. The promise of `connect()` must outlive renders: make
 * it outside the component.
 */
export function UpdraftProvider<C extends Record<keyof C, { id: string }>>({
  updraft,
  children,
}: {
  readonly updraft: Connection<C>;
  readonly children?: ReactNode;
}): ReactElement {
  const value = useReader(connectionReader(updraft));
  return createElement(Context.Provider, { value }, children);
}

function useReader<T>({ subscribe, getSnapshot }: Reader<T>): Reading<T> {
  return useSyncExternalStore(subscribe, getSnapshot, () => NOTHING);
}

/** The client, as soon as it is connected; `error` tells why it is not. */
export function useUpdraft(): Reading<AnyUpdraft> {
  const connection = useContext(Context);
  if (!connection) throw noConnection('Put <UpdraftProvider> around the component.');
  return connection;
}

/** Rows of a query, kept up to date by any cause. Queries of equal options share their reads. */
export const useQuery = <T extends { id: string }>(
  collection: string,
  query?: Query,
): Reading<Rows<T>> => useReader(queryReader<T>(useUpdraft(), collection, query));

/** A record's row, kept up to date; `null` while there is none. */
export const useRecord = <T extends { id: string }>(
  collection: string,
  id: string,
): Reading<Row<T> | null> => useReader(recordReader<T>(useUpdraft(), collection, id));

export const useStatus = (): Reading<Status> => useReader(statusReader(useUpdraft()));

export const useConflicts = (): Reading<readonly Conflict[]> =>
  useReader(conflictsReader(useUpdraft()));

/** Changes that are not settled yet. */
export const useOutbox = (): Reading<readonly OutboxEntry[]> =>
  useReader(outboxReader(useUpdraft()));

/** Refused changes and calls, which wait for a person. */
export const useDeadLetters = (): Reading<readonly DeadLetter[]> =>
  useReader(deadLettersReader(useUpdraft()));

/** The hooks whose types depend on an app's collections. */
export interface TypedHooks<C extends Record<keyof C, { id: string }>> {
  readonly useUpdraft: () => Reading<Updraft<C>>;
  readonly useQuery: <N extends keyof C & string>(
    collection: N,
    query?: Query<C[N]>,
  ) => Reading<Rows<C[N]>>;
  readonly useRecord: <N extends keyof C & string>(
    collection: N,
    id: string,
  ) => Reading<Row<C[N]> | null>;
}

/** Returns the hooks typed by the app's collections, as `updraft-types` writes them. */
export const typed = <C extends Record<keyof C, { id: string }>>(): TypedHooks<C> =>
  ({ useUpdraft, useQuery, useRecord }) as unknown as TypedHooks<C>;
