import type {
  Conflict,
  DeadLetter,
  EventName,
  OutboxEntry,
  Query,
  Row,
  Rows,
  Status,
  Updraft,
  UpdraftError,
} from '../../client/index.ts';
import {
  constant,
  createReader,
  NOTHING,
  type Reading,
  type Start,
  type Reader,
} from './reader.ts';

/** A connected client of any collections: the bindings check names and types outside. */
export type AnyUpdraft = Updraft<Record<string, { id: string }>>;

/**
 * A client for a binding: connected, the promise that `connect()` returns, or undefined as long as
 * there is none, for example on a server.
 */
export type Connection<C extends Record<keyof C, { id: string }>> =
  | Updraft<C>
  | Promise<Updraft<C>>
  | undefined;

const connections = new WeakMap<object, Reader<AnyUpdraft>>();

/** Returns the connection as a reader: `error` tells why `connect()` has failed. */
export function connectionReader<C extends Record<keyof C, { id: string }>>(
  given: Connection<C>,
): Reader<AnyUpdraft> {
  if (!given) return constant(NOTHING);
  const connection = given as unknown as AnyUpdraft | Promise<AnyUpdraft>;
  const made =
    connections.get(connection) ??
    (connection instanceof Promise
      ? createReader((tell, fail) => {
          connection.then(tell, fail);
          return [];
        })
      : constant({ data: connection, error: undefined }));
  connections.set(connection, made);
  return made;
}

const shared = new WeakMap<AnyUpdraft, Map<string, Reader<unknown>>>();

/** Returns the reader of this name; all who ask for it share its reads while anybody listens. */
function readerOf<T>(
  connection: Reading<AnyUpdraft>,
  name: string,
  start: (updraft: AnyUpdraft, ...to: Parameters<Start<T>>) => ReturnType<Start<T>>,
): Reader<T> {
  const { data: updraft } = connection;
  if (!updraft) return constant(connection as Reading<never>);
  const readers = shared.get(updraft) ?? new Map<string, Reader<unknown>>();
  shared.set(updraft, readers);
  const made =
    (readers.get(name) as Reader<T> | undefined) ??
    createReader<T>(
      (tell, fail) => {
        let isWiped = false;
        return [
          ...start(
            updraft,
            (data) => isWiped || tell(data),
            (error) => isWiped || fail(error),
          ),
          // A wiped user's rows go from the screen at once; an answer under way comes too late.
          updraft.on('signed-out', ({ kept }) => {
            if (!kept) tell(undefined);
            isWiped ||= !kept;
          }),
        ];
      },
      () => readers.delete(name),
    );
  readers.set(name, made);
  return made;
}

/** Rows of a query, in its order. */
export const queryReader = <T extends { id: string }>(
  connection: Reading<AnyUpdraft>,
  collection: string,
  query: Query = {},
): Reader<Rows<T>> =>
  readerOf(connection, `query ${collection} ${JSON.stringify(query)}`, (updraft, tell, fail) => [
    updraft
      .collection(collection)
      .watch(query, ({ rows }) => tell(rows as unknown as Rows<T>), fail),
  ]);

/** A record's row, `null` while there is none. */
export const recordReader = <T extends { id: string }>(
  connection: Reading<AnyUpdraft>,
  collection: string,
  id: string,
): Reader<Row<T> | null> =>
  readerOf(connection, `record ${collection} ${id}`, (updraft, tell, fail) => [
    updraft.collection(collection).watchOne(id, (row) => tell(row as Row<T> | null), fail),
  ]);

export const statusReader = (connection: Reading<AnyUpdraft>): Reader<Status> =>
  readerOf(connection, 'status', (updraft, tell, fail) => {
    updraft.status().then(tell, fail);
    return [updraft.on('status', tell)];
  });

/**
 * Events after which a person's lists may differ. `change` covers every record; a dead letter may
 * be a call's.
 */
const NEWS: readonly EventName[] = ['change', 'conflict', 'dead-letter', 'call', 'quarantined'];

/**
 * A list that is read again after news. Reads never overlap, and a burst of news ends in a single
 * further read; after a failure the next status reads again.
 */
const listReader =
  <T>(name: string, read: (updraft: AnyUpdraft) => Promise<readonly T[]>) =>
  (connection: Reading<AnyUpdraft>): Reader<readonly T[]> =>
    readerOf(connection, name, (updraft, tell, fail) => {
      let isReading = false;
      let isStale = false;
      const refresh = async (): Promise<void> => {
        isStale = true;
        if (isReading) return;
        isReading = true;
        try {
          while (isStale) {
            isStale = false;
            tell(await read(updraft));
          }
        } catch (error) {
          isStale = true;
          fail(error as UpdraftError);
        }
        isReading = false;
      };
      void refresh();
      return [
        ...NEWS.map((event) => updraft.on(event, () => void refresh())),
        updraft.on('status', () => isStale && void refresh()),
      ];
    });

export const conflictsReader = listReader<Conflict>('conflicts', (updraft) => updraft.conflicts());
export const outboxReader = listReader<OutboxEntry>('outbox', (updraft) => updraft.outbox());
export const deadLettersReader = listReader<DeadLetter>('dead letters', (updraft) =>
  updraft.deadLetters(),
);
