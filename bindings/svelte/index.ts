import { getContext, setContext } from 'svelte';
import { createSubscriber } from 'svelte/reactivity';
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
import type { Reading, Reader } from '../core/reader.ts';
import { noConnection } from '../core/words.ts';

export type { Connection, Reading };

/** A value, or a function that reads it: the function's state is followed. */
export type MaybeGetter<T> = T | (() => T);

const valueOf = <T>(given: MaybeGetter<T>): T =>
  typeof given === 'function' ? (given as () => T)() : given;

const KEY = Symbol('updraft');

/** Gives the client to a component and all inside it: call while the component is made. */
export function setUpdraft<C extends Record<keyof C, { id: string }>>(
  updraft: MaybeGetter<Connection<C>>,
): void {
  setContext(KEY, () => current(connectionReader(valueOf(updraft))));
}

const subscribers = new WeakMap<Reader<unknown>, () => void>();

/** Returns the reading of a reader; an effect that calls this runs again after the next reading. */
function current<T>(reader: Reader<T>): Reading<T> {
  const subscribe = subscribers.get(reader) ?? createSubscriber(reader.subscribe);
  subscribers.set(reader, subscribe);
  subscribe();
  return reader.getSnapshot();
}

/** A reading whose properties are state: use them in place, they are not to be taken apart. */
function live<T>(read: () => Reading<T>): Reading<T> {
  return {
    get data() {
      return read().data;
    },
    get error() {
      return read().error;
    },
  };
}

function useConnection(): () => Reading<AnyUpdraft> {
  const connection = getContext<(() => Reading<AnyUpdraft>) | undefined>(KEY);
  if (!connection) throw noConnection('Call setUpdraft() in a component around it.');
  return connection;
}

function useData<T>(pick: (connection: Reading<AnyUpdraft>) => Reader<T>): Reading<T> {
  const connection = useConnection();
  return live(() => current(pick(connection())));
}

/** The client, as soon as it is connected; `error` tells why it is not. */
export const useUpdraft = (): Reading<AnyUpdraft> => live(useConnection());

/** Rows of a query, kept up to date by any cause. Queries of equal options share their reads. */
export const useQuery = <T extends { id: string }>(
  collection: MaybeGetter<string>,
  query?: MaybeGetter<Query | undefined>,
): Reading<Rows<T>> => useData((to) => queryReader<T>(to, valueOf(collection), valueOf(query)));

/** A record's row, kept up to date; `null` while there is none. */
export const useRecord = <T extends { id: string }>(
  collection: MaybeGetter<string>,
  id: MaybeGetter<string>,
): Reading<Row<T> | null> => useData((to) => recordReader<T>(to, valueOf(collection), valueOf(id)));

export const useStatus = (): Reading<Status> => useData(statusReader);

export const useConflicts = (): Reading<readonly Conflict[]> => useData(conflictsReader);

/** Changes that are not settled yet. */
export const useOutbox = (): Reading<readonly OutboxEntry[]> => useData(outboxReader);

/** Refused changes and calls, which wait for a person. */
export const useDeadLetters = (): Reading<readonly DeadLetter[]> => useData(deadLettersReader);

/** The functions whose types depend on an app's collections. */
export interface TypedFunctions<C extends Record<keyof C, { id: string }>> {
  readonly useUpdraft: () => Reading<Updraft<C>>;
  readonly useQuery: <N extends keyof C & string>(
    collection: MaybeGetter<N>,
    query?: MaybeGetter<Query<C[N]> | undefined>,
  ) => Reading<Rows<C[N]>>;
  readonly useRecord: <N extends keyof C & string>(
    collection: MaybeGetter<N>,
    id: MaybeGetter<string>,
  ) => Reading<Row<C[N]> | null>;
}

/** Returns the functions typed by the app's collections, as `updraft-types` writes them. */
export const typed = <C extends Record<keyof C, { id: string }>>(): TypedFunctions<C> =>
  ({ useUpdraft, useQuery, useRecord }) as unknown as TypedFunctions<C>;
