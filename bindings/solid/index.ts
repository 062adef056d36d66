import {
  createComponent,
  createContext,
  createEffect,
  createMemo,
  createSignal,
  onCleanup,
  useContext,
  type Accessor,
  type JSX,
} from 'solid-js';
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

/** A value, or an accessor that is followed. */
export type MaybeAccessor<T> = T | Accessor<T>;

const valueOf = <T>(given: MaybeAccessor<T>): T =>
  typeof given === 'function' ? (given as Accessor<T>)() : given;

const Context = createContext<Accessor<Reading<AnyUpdraft>>>();

/** Gives the client to all components inside. */
export function UpdraftProvider<C extends Record<keyof C, { id: string }>>(props: {
  readonly updraft: Connection<C>;
  readonly children?: JSX.Element;
}): JSX.Element {
  return createComponent(Context.Provider, {
    value: readingOf(() => connectionReader(props.updraft)),
    get children() {
      return props.children;
    },
  });
}

function readingOf<T>(pick: () => Reader<T>): Accessor<Reading<T>> {
  const reader = createMemo(pick);
  const [reading, setReading] = createSignal<Reading<T>>(NOTHING);
  createEffect(() => {
    const now = reader();
    const show = (): void => void setReading(() => now.getSnapshot());
    onCleanup(now.subscribe(show));
    show();
  });
  return reading;
}

/** A reading whose properties are signals: use them in place, they are not to be taken apart. */
function live<T>(read: Accessor<Reading<T>>): Reading<T> {
  return {
    get data() {
      return read().data;
    },
    get error() {
      return read().error;
    },
  };
}

function useConnection(): Accessor<Reading<AnyUpdraft>> {
  const connection = useContext(Context);
  if (!connection) throw noConnection('Put <UpdraftProvider> around the component.');
  return connection;
}

function useData<T>(pick: (connection: Reading<AnyUpdraft>) => Reader<T>): Reading<T> {
  const connection = useConnection();
  return live(readingOf(() => pick(connection())));
}

/** The client, as soon as it is connected; `error` tells why it is not. */
export const useUpdraft = (): Reading<AnyUpdraft> => live(useConnection());

/** Rows of a query, kept up to date by any cause. Queries of equal options share their reads. */
export const useQuery = <T extends { id: string }>(
  collection: MaybeAccessor<string>,
  query?: MaybeAccessor<Query | undefined>,
): Reading<Rows<T>> => useData((to) => queryReader<T>(to, valueOf(collection), valueOf(query)));

/** A record's row, kept up to date; `null` while there is none. */
export const useRecord = <T extends { id: string }>(
  collection: MaybeAccessor<string>,
  id: MaybeAccessor<string>,
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
    collection: MaybeAccessor<N>,
    query?: MaybeAccessor<Query<C[N]> | undefined>,
  ) => Reading<Rows<C[N]>>;
  readonly useRecord: <N extends keyof C & string>(
    collection: MaybeAccessor<N>,
    id: MaybeAccessor<string>,
  ) => Reading<Row<C[N]> | null>;
}

/** Returns the functions typed by the app's collections, as `updraft-types` writes them. */
export const typed = <C extends Record<keyof C, { id: string }>>(): TypedFunctions<C> =>
  ({ useUpdraft, useQuery, useRecord }) as unknown as TypedFunctions<C>;
