import { UpdraftError } from '../shared/errors.ts';
import { newId } from '../shared/ids.ts';
import type { Scalar } from '../shared/json.ts';
import type { Captured, ChangeCommand } from '../shared/messages.ts';
import type { Row, Rows } from '../shared/row.ts';
import { onlyOptions } from './only-options.ts';
import type { Query } from './query.ts';
import type { Settling } from './settling.ts';
import type { Watched, Watches } from './watches.ts';
import type { WorkerLink } from './worker-link.ts';
import type { Drafting, Patch, Receipt, Seen } from './receipt.ts';

type Numbers<T> = {
  readonly [K in keyof T as T[K] extends number | undefined ? K : never]?: number;
};

/** Elements for fields that hold lists of texts, numbers, true, false or null. */
type ElementsOf<T> = {
  readonly [K in keyof T as T[K] extends readonly Scalar[] | undefined ? K : never]?: NonNullable<
    T[K]
  >;
};

/**
 * A collection, from this device's view. Every change is durable when the promise resolves: the
 * change survives a killed tab, worker or browser.
 */
export interface Collection<T extends { id: string }> {
  /**
   * Captures how the whole record differs from the record this device saw. Rejects with a typed
   * `UpdraftError` if nothing can be stored: with `schema` where the record does not fit its schema
   * (`error.path` names the place), unless it is kept as a draft.
   */
  put: {
    (
      value: Partial<T> & Pick<T, 'id'>,
      options: Seen<Partial<T>> & { readonly draft: true },
    ): Promise<Receipt>;
    (value: T, options?: Seen<T> & Drafting): Promise<Receipt>;
  };
  /** Like `put`, but rejects with `exists` when the record is there. */
  add: {
    (value: Partial<T> & Pick<T, 'id'>, options: { readonly draft: true }): Promise<Receipt>;
    (value: T, options?: Drafting): Promise<Receipt>;
  };
  /**
   * Changes the fields given; `undefined` removes a field. Rejects with `not-found` when this
   * device has no such record.
   */
  patch: (
    id: string,
    set: { readonly [K in keyof Omit<T, 'id'>]?: T[K] | undefined },
    options?: Seen<T> & Drafting,
  ) => Promise<Receipt>;
  /** Adds to numbers; increments of several devices sum up instead of conflicting. */
  increment: (id: string, by: Numbers<T>, seen?: Seen<T>) => Promise<Receipt>;
  /**
   * Adds elements to lists, at the end, each once. Additions and removals of several devices merge
   * instead of conflicting; an absent list is empty. Rejects with `not-a-list` where the field
   * holds anything but a list of texts, numbers, true, false and null.
   */
  addTo: (id: string, elements: ElementsOf<T>, seen?: Seen<T>) => Promise<Receipt>;
  /** Removes elements from lists, as `addTo` adds them. */
  removeFrom: (id: string, elements: ElementsOf<T>, seen?: Seen<T>) => Promise<Receipt>;
  delete: (id: string, seen?: Seen<T>) => Promise<Receipt>;
  /**
   * Stores many records in a single message and transaction, 10,000 at most: all or none. Rejects
   * with the error of the first record that cannot be stored, and names the place.
   */
  putMany: {
    (
      values: readonly (Partial<T> & Pick<T, 'id'>)[],
      options: { readonly draft: true },
    ): Promise<readonly Receipt[]>;
    (values: readonly T[], options?: Drafting): Promise<readonly Receipt[]>;
  };
  /** Changes fields of many records, like `patch`: all or none. */
  patchMany: (patches: readonly Patch<T>[]) => Promise<readonly Receipt[]>;
  /** Deletes many records: all or none. */
  deleteMany: (ids: readonly string[]) => Promise<readonly Receipt[]>;
  get: (id: string) => Promise<Row<T> | null>;
  /**
   * Rows in the order of an index (by default the id), 1,000 at most unless `limit` says otherwise;
   * `more` on the array tells that rows were cut off. An index holds the records that have the
   * field; `{ index, missing: true }` finds the others. Waits while an index is being built.
   * Rejects with `unknown-index`, or with `bad-query` for options that contradict each other.
   */
  query: (query?: Query<T>) => Promise<Rows<T>>;
  /**
   * Tells the rows of a query, and from then on each difference: rows added, changed, moved,
   * removed, after any cause: this page, other tabs, Airflow, a sign-out, a re-read. `failed` hears
   * the reason when the rows cannot be read; the watch goes on, and tells the next rows that it can
   * read, changed or not. Returns the function that ends the watch.
   */
  watch: (
    query: Query<T>,
    next: (watched: Watched<T>) => void,
    failed?: (error: UpdraftError) => void,
  ) => () => void;
  /** Tells a record's row, `null` while there is none, and from then on each change of it. */
  watchOne: (
    id: string,
    next: (row: Row<T> | null) => void,
    failed?: (error: UpdraftError) => void,
  ) => () => void;
}

/** Splits fields into values to set and names to remove (`undefined`). */
export function splitFields(fields: Readonly<Record<string, unknown>>): {
  set: Record<string, unknown>;
  removed: string[];
} {
  const entries = Object.entries(fields ?? []);
  return {
    // A value that is no plain object is passed on unchanged, and the worker refuses the value.
    set: Object.setPrototypeOf(
      Object.fromEntries(entries.filter(([, value]) => value !== undefined)),
      Object.getPrototypeOf(fields ?? []),
    ) as Record<string, unknown>,
    removed: entries.filter(([, value]) => value === undefined).map(([field]) => field),
  };
}

/** Options of a capture; `from` alone where the change is none of these. */
const OPTIONS: { readonly [op: string]: readonly string[] } = {
  put: ['from', 'draft'],
  patch: ['from', 'draft'],
  add: ['draft'],
};

/** The change with its options. Throws `bad-option` for an option that it does not know. */
function withOptions(change: ChangeCommand, options: object | undefined): ChangeCommand {
  onlyOptions(change.op, options, ...(OPTIONS[change.op] ?? ['from']));
  return { ...change, ...options };
}

const putOf =
  (options: object | undefined) =>
  (value: unknown): ChangeCommand => ({ op: 'put', value, ...options });

function patchOf(patch: Patch<{ id: string }>): ChangeCommand {
  const { id, set, ...seen } = Object(patch) as typeof patch;
  return { ...seen, op: 'patch', id, ...splitFields(set) };
}

/** Names a query by all that it asks: values that JSON has no form for, `undefined` too. */
const keyOf = (query: object): string =>
  JSON.stringify(query, (_, value: unknown) =>
    typeof value === 'object' && value ? value : typeof value + String(value),
  );

const listChange = (op: 'add-to' | 'remove-from', id: string, elements: object): ChangeCommand => ({
  op,
  id,
  elements: elements as Record<string, readonly Scalar[]>,
});

/** Reads the rows of a query; asks again while their index is being built. */
async function rowsOf<T>(
  ask: WorkerLink['ask'],
  collection: string,
  query: object,
): Promise<Rows<T>> {
  for (;;)
    try {
      const asked = query as Record<string, unknown>;
      return (await ask({ type: 'query', collection, query: asked })) as Rows<T>;
    } catch (error) {
      if (!(error instanceof UpdraftError && error.kind === 'indexing')) throw error;
    }
}

export function createCollection<T extends { id: string }>(
  collection: string,
  { ask }: WorkerLink,
  settling: Settling,
  watches: Watches,
): Collection<T> {
  const capture = async (change: ChangeCommand, options?: object): Promise<Receipt> => {
    const made = withOptions(change, options);
    return receiptOf(await ask({ type: 'capture', requestId: newId(), collection, change: made }));
  };
  /** `names`: options that the call takes, for each of its changes. */
  const captureMany = async <V>(
    call: string,
    values: readonly V[],
    changeOf: (value: V) => ChangeCommand,
    options: unknown,
    ...names: readonly string[]
  ): Promise<Receipt[]> => {
    onlyOptions(call, options, ...names);
    // A value that is no list is passed on unchanged, and the worker refuses the value.
    const changes = Array.isArray(values) ? values.map(changeOf) : (values as never);
    const captured = await ask({ type: 'capture-many', requestId: newId(), collection, changes });
    return captured.map(receiptOf);
  };
  const receiptOf = ({ id, seq, log, settled }: Captured): Receipt => {
    settling.begin(log);
    return {
      id,
      settled: settled
        ? Promise.resolve({ collection, id, lastSeq: seq, verdict: 'merged' })
        : settling.of(collection, id, seq),
    };
  };
  const get = (id: string): Promise<Row<T> | null> =>
    ask({ type: 'get', collection, id }) as Promise<Row<T> | null>;
  const read = (query?: Query<T>): Promise<Rows<T>> => rowsOf<T>(ask, collection, query ?? {});
  return {
    put: (value: unknown, options?: object) => capture({ op: 'put', value }, options),
    add: (value: unknown, options?: object) => capture({ op: 'add', value }, options),
    patch: (id, fields, options) => capture({ op: 'patch', id, ...splitFields(fields) }, options),
    increment: (id, by, seen) =>
      capture({ op: 'increment', id, by: by as Record<string, number> }, seen),
    addTo: (id, elements, seen) => capture(listChange('add-to', id, elements), seen),
    removeFrom: (id, elements, seen) => capture(listChange('remove-from', id, elements), seen),
    delete: (id, seen) => capture({ op: 'delete', id }, seen),
    putMany: (values: readonly unknown[], options?: object) =>
      captureMany('putMany', values, putOf(options), options, 'draft'),
    patchMany: (patches, ...none: readonly unknown[]) =>
      captureMany('patchMany', patches, patchOf, none[0]),
    deleteMany: (ids, ...none: readonly unknown[]) =>
      captureMany('deleteMany', ids, (id) => ({ op: 'delete', id }), none[0]),
    get,
    query: read,
    watch: (query, next, failed) =>
      watches.watch(collection, keyOf(query), () => read(query), { next, failed }),
    watchOne: (id, next, failed) =>
      watches.watch(
        collection,
        `one ${id}`,
        async () => [await get(id)].flatMap((row) => row ?? []),
        {
          // Anything but a function is passed on unchanged, and refused.
          next: typeof next === 'function' ? ({ rows }) => next(rows[0] ?? null) : next,
          failed,
        },
      ),
  };
}
