import {
  computed,
  inject,
  provide,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type InjectionKey,
  type MaybeRefOrGetter,
  type Plugin,
} from 'vue';
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

/** A reading as refs, to take apart or to use in a template. */
export interface ReadingRefs<T> {
  readonly data: ComputedRef<Reading<T>['data']>;
  readonly error: ComputedRef<Reading<T>['error']>;
}

type Given = MaybeRefOrGetter<Connection<Record<string, { id: string }>>>;
const KEY: InjectionKey<Given> = Symbol('updraft');

/** Gives the client to a component and all inside it: call in `setup`. */
export const provideUpdraft = <C extends Record<keyof C, { id: string }>>(
  updraft: MaybeRefOrGetter<Connection<C>>,
): void => provide(KEY, updraft as unknown as Given);

/** Gives the client to a whole app: `app.use(updraftPlugin(updraft))`. */
export const updraftPlugin = <C extends Record<keyof C, { id: string }>>(
  updraft: MaybeRefOrGetter<Connection<C>>,
): Plugin => ({
  install: (app) => {
    app.provide(KEY, updraft as unknown as Given);
  },
});

function useReader<T>(pick: () => Reader<T>): ReadingRefs<T> {
  const reading = shallowRef<Reading<T>>(NOTHING);
  watch(
    pick,
    (reader, _, onCleanup) => {
      const show = (): void => void (reading.value = reader.getSnapshot());
      onCleanup(reader.subscribe(show));
      show();
    },
    { immediate: true },
  );
  return { data: computed(() => reading.value.data), error: computed(() => reading.value.error) };
}

/** The client, as soon as it is connected; `error` tells why it is not. */
export function useUpdraft(): ReadingRefs<AnyUpdraft> {
  const given = inject(KEY, NONE);
  if (given === NONE) throw noConnection('Call provideUpdraft() or app.use(updraftPlugin()).');
  return useReader(() => connectionReader(toValue(given)));
}
/** Tells an app that gave no client from an app that gave undefined. */
const NONE = Symbol('none') as unknown as Given;

function useData<T>(pick: (connection: Reading<AnyUpdraft>) => Reader<T>): ReadingRefs<T> {
  const { data, error } = useUpdraft();
  const connection = computed(() => ({ data: data.value, error: error.value }));
  return useReader(() => pick(connection.value));
}

/** Rows of a query, kept up to date by any cause. Queries of equal options share their reads. */
export const useQuery = <T extends { id: string }>(
  collection: MaybeRefOrGetter<string>,
  query?: MaybeRefOrGetter<Query | undefined>,
): ReadingRefs<Rows<T>> => useData((to) => queryReader<T>(to, toValue(collection), toValue(query)));

/** A record's row, kept up to date; `null` while there is none. */
export const useRecord = <T extends { id: string }>(
  collection: MaybeRefOrGetter<string>,
  id: MaybeRefOrGetter<string>,
): ReadingRefs<Row<T> | null> =>
  useData((to) => recordReader<T>(to, toValue(collection), toValue(id)));

export const useStatus = (): ReadingRefs<Status> => useData(statusReader);

export const useConflicts = (): ReadingRefs<readonly Conflict[]> => useData(conflictsReader);

/** Changes that are not settled yet. */
export const useOutbox = (): ReadingRefs<readonly OutboxEntry[]> => useData(outboxReader);

/** Refused changes and calls, which wait for a person. */
export const useDeadLetters = (): ReadingRefs<readonly DeadLetter[]> => useData(deadLettersReader);

/** The composables whose types depend on an app's collections. */
export interface TypedComposables<C extends Record<keyof C, { id: string }>> {
  readonly useUpdraft: () => ReadingRefs<Updraft<C>>;
  readonly useQuery: <N extends keyof C & string>(
    collection: MaybeRefOrGetter<N>,
    query?: MaybeRefOrGetter<Query<C[N]> | undefined>,
  ) => ReadingRefs<Rows<C[N]>>;
  readonly useRecord: <N extends keyof C & string>(
    collection: MaybeRefOrGetter<N>,
    id: MaybeRefOrGetter<string>,
  ) => ReadingRefs<Row<C[N]> | null>;
}

/** Returns the composables typed by the app's collections, as `updraft-types` writes them. */
export const typed = <C extends Record<keyof C, { id: string }>>(): TypedComposables<C> =>
  ({ useUpdraft, useQuery, useRecord }) as unknown as TypedComposables<C>;
